#include "remote/small_file.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "remote/unique_fd.h"

namespace augurfs {
namespace {

Error trouble(const char* doing, const std::filesystem::path& path, int number) {
  const bool denied = number == EACCES || number == EPERM || number == EROFS;
  const bool full = number == ENOSPC || number == EDQUOT;
  return {denied ? ErrorCode::kDenied
          : full ? ErrorCode::kNoSpace
                 : ErrorCode::kUnavailable,
          fmt::format("cannot {} {}: {}", doing, path.string(),
                      std::generic_category().message(number))};
}

Result<void> write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return trouble("write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

// Or the new name may be lost with the power.
Result<void> sync_directory_of(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return trouble("write", path, errno);
  return {};
}

}  // namespace

Result<std::optional<std::string>> read_small_file(const std::filesystem::path& path,
                                                   std::size_t bytes_max) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return trouble("read", path, errno);
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kInvalid, path.string() + ": no regular file"};
  }
  // One byte more tells a file that is too large, however much it grew by now.
  std::string bytes(bytes_max + 1, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return trouble("read", path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) {
    return Error{ErrorCode::kInvalid, fmt::format("{}: larger than the {} MiB it may have",
                                                  path.string(), bytes_max >> 20U)};
  }
  bytes.resize(size);
  return bytes;
}

Result<void> write_small_file(const std::filesystem::path& path, std::string_view bytes,
                              Sync sync) {
  const std::string beside = path.string() + ".new";
  ::unlink(beside.c_str());
  const UniqueFd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                             S_IRUSR | S_IWUSR));
  if (!file) return trouble("write", path, errno);
  auto done = write_all(file.get(), bytes, path);
  if (done && sync == Sync::kYes && ::fsync(file.get()) != 0) done = trouble("write", path, errno);
  if (done && ::rename(beside.c_str(), path.c_str()) != 0) done = trouble("write", path, errno);
  if (!done) ::unlink(beside.c_str());
  if (done && sync == Sync::kYes) done = sync_directory_of(path);
  return done;
}

}  // namespace augurfs
