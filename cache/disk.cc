#include "cache/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace augurfs {
namespace {

// Repeats a system call that a signal interrupted.
template <typename Call>
auto uninterrupted(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

// For calls on a descriptor: the path in /proc is read only when there is something to report.
Error descriptor_error(int error_number, const char* operation, int fd) {
  std::error_code ignored;
  auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored);
  return disk_error(error_number, operation, path);
}

}  // namespace

Error disk_error(int error_number, const char* operation, const std::filesystem::path& path) {
  ErrorCode code = ErrorCode::kUnavailable;
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      code = ErrorCode::kNotFound;
      break;
    case ENOSPC:
    case EDQUOT:
      code = ErrorCode::kNoSpace;
      break;
    case EACCES:
    case EPERM:
      code = ErrorCode::kDenied;
      break;
    case EROFS:
      code = ErrorCode::kReadOnly;
      break;
    default:
      break;
  }
  return {code, std::string(operation) + " " + path.string() + ": " +
                    std::generic_category().message(error_number)};
}

Result<UniqueFd> Disk::open(const std::filesystem::path& path, int flags) {
  const int fd = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0600); });
  if (fd < 0) return disk_error(errno, "open", path);
  return UniqueFd(fd);
}

Result<std::size_t> Disk::read(int fd, std::uint64_t offset, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = uninterrupted([&] {
      return ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    });
    if (got < 0) return descriptor_error(errno, "read", fd);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> Disk::write(int fd, std::uint64_t offset, std::span<const std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = uninterrupted([&] {
      return ::pwrite(fd, bytes.data() + done, bytes.size() - done,
                      static_cast<off_t>(offset + done));
    });
    if (put < 0) return descriptor_error(errno, "write", fd);
    if (put == 0) return descriptor_error(EIO, "write", fd);
    done += static_cast<std::size_t>(put);
  }
  return {};
}

Result<void> Disk::resize(int fd, std::uint64_t size_bytes) {
  if (uninterrupted([&] { return ::ftruncate(fd, static_cast<off_t>(size_bytes)); }) < 0) {
    return descriptor_error(errno, "resize", fd);
  }
  return {};
}

Result<void> Disk::punch(int fd, ByteRange range) {
  const int done = uninterrupted([&] {
    return ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       static_cast<off_t>(range.offset), static_cast<off_t>(range.length));
  });
  if (done < 0) return descriptor_error(errno, "punch a hole into", fd);
  return {};
}

Result<std::vector<ByteRange>> Disk::data(int fd) {
  std::vector<ByteRange> ranges;
  off_t end = 0;
  while (true) {
    const off_t start = ::lseek(fd, end, SEEK_DATA);
    if (start < 0 && errno == ENXIO) return ranges;
    if (start < 0) return descriptor_error(errno, "seek in", fd);
    end = ::lseek(fd, start, SEEK_HOLE);
    if (end < 0) return descriptor_error(errno, "seek in", fd);
    ranges.push_back({static_cast<std::uint64_t>(start), static_cast<std::uint64_t>(end - start)});
  }
}

Result<void> Disk::remove(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return disk_error(errno, "remove", path);
  return {};
}

Result<void> Disk::sync(int fd) {
  if (uninterrupted([&] { return ::fdatasync(fd); }) < 0) {
    return descriptor_error(errno, "write back", fd);
  }
  return {};
}

Result<void> Disk::check_written(int fd) {
  // This call waits for the pages of a range and tells the errors of the whole file. Where no file
  // reaches there are no pages.
  constexpr off_t kBeyond = off_t{1} << 62;
  if (uninterrupted(
          [&] { return ::sync_file_range(fd, kBeyond, 1, SYNC_FILE_RANGE_WAIT_BEFORE); }) < 0) {
    return descriptor_error(errno, "write back", fd);
  }
  return {};
}

// The kernel grants a write lease to who has a file for himself, and only to him. It is given back
// at once. Whoever opens the file meanwhile waits for that, and has the kernel signal us: by a
// signal that is ignored by default, in place of SIGIO, which would end us.
Result<bool> Disk::is_alone(int fd) {
  if (::fcntl(fd, F_SETSIG, SIGURG) < 0) return descriptor_error(errno, "lease", fd);
  if (::fcntl(fd, F_SETLEASE, F_WRLCK) < 0) {
    if (errno == EAGAIN) return false;
    return Error{ErrorCode::kInvalid,
                 std::string("the file system gives no leases: ") + std::strerror(errno)};
  }
  if (::fcntl(fd, F_SETLEASE, F_UNLCK) < 0) return descriptor_error(errno, "end the lease of", fd);
  return true;
}

Result<std::uint64_t> Disk::free_bytes(const std::filesystem::path& path) {
  struct statvfs info {};
  if (uninterrupted([&] { return ::statvfs(path.c_str(), &info); }) < 0) {
    return disk_error(errno, "ask for the free space of", path);
  }
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

Result<std::uint64_t> Disk::allocated_bytes(const std::filesystem::path& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) < 0) {
    if (errno == ENOENT) return std::uint64_t{0};
    return disk_error(errno, "look at", path);
  }
  constexpr std::uint64_t kStatBlockBytes = 512;  // whatever the file system's own blocks are
  return static_cast<std::uint64_t>(info.st_blocks) * kStatBlockBytes;
}

Disk& real_disk() {
  static Disk disk;
  return disk;
}

}  // namespace augurfs
