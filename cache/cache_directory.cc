#include "cache/cache_directory.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

std::string named(const stdfs::path& path) { return "cache directory " + path.string(); }

// What a person can do about it, behind what is wrong.
Error advised(Error error) {
  error.message += "; choose a cache.dir that can be written";
  return error;
}

// Of what lies in a cache directory; databases have journals, and what was set aside has a suffix.
bool is_name_of_ours(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames{"LOCK", "PROBE", "objects", "lost+found"};
  constexpr std::array<std::string_view, 6> kBeginnings{
      "index.db", "listings.db", "history.db", "profile.csv.zst", "model.bin", "prefetch_budget"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         std::any_of(kBeginnings.begin(), kBeginnings.end(), [&](std::string_view beginning) {
           return name == beginning || name.starts_with(std::string(beginning) + ".") ||
                  name.starts_with(std::string(beginning) + "-");
         });
}

// What lies in the directory that is not a cache's, if anything does: others lock with a file LOCK
// as well.
Result<std::string> not_ours(const stdfs::path& path) {
  std::error_code error;
  for (stdfs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (!is_name_of_ours(name)) return name;
  }
  if (error) return disk_error(error.value(), "read cache directory", path);
  return std::string();
}

Result<void> check_directory(const stdfs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) < 0) {
    return advised(disk_error(errno, "look at cache directory", path));
  }
  if (!S_ISDIR(info.st_mode)) {
    return Error{ErrorCode::kInvalid,
                 named(path) + " is not a directory; choose another cache.dir"};
  }
  if (info.st_uid != ::geteuid()) {
    return Error{ErrorCode::kDenied, named(path) + " belongs to user id " +
                                         std::to_string(info.st_uid) + ", this process runs as " +
                                         std::to_string(::geteuid()) +
                                         "; change its owner or choose another cache.dir"};
  }
  const auto foreign = not_ours(path);
  if (!foreign) return advised(foreign.error());
  if (!foreign->empty()) {
    return Error{ErrorCode::kInvalid, named(path) + " holds files that are not a cache, such as " +
                                          '\'' + *foreign + "'" +
                                          "; choose an empty or a new directory as cache.dir"};
  }
  if ((info.st_mode & 0777) != 0700 && ::chmod(path.c_str(), 0700) < 0) {
    return advised(disk_error(errno, "make private (chmod 700)", path));
  }
  return {};
}

std::string holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t length = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "another process" : "process " + pid;
}

Result<UniqueFd> take_lock(const stdfs::path& path) {
  auto lock = real_disk().open(path / "LOCK", O_RDWR | O_CREAT | O_NOFOLLOW);
  if (!lock) return advised(lock.error().in(named(path) + " is not writable"));
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) return disk_error(errno, "lock", path / "LOCK");
    return Error{ErrorCode::kUnavailable, named(path) + " is in use by " + holder(lock->get()) +
                                              "; unmount that one or choose another cache.dir"};
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (auto done = real_disk().resize(lock->get(), 0); !done) return done.error();
  auto done = real_disk().write(lock->get(), 0, std::as_bytes(std::span(pid)));
  if (!done) return advised(done.error().in(named(path) + " cannot be written"));
  return lock;
}

// Writes a block and takes it back: tells a full or read-only disk, and a file system without
// holes, before the first chunk does.
Result<void> probe(const stdfs::path& path) {
  const stdfs::path file = path / "PROBE";
  auto fd = real_disk().open(file, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (!fd) return advised(fd.error().in(named(path) + " is not writable"));
  const std::array<std::byte, 4096> block{};
  auto done = real_disk().write(fd->get(), 0, block);
  if (done) done = real_disk().punch(fd->get(), {0, block.size()});
  (void)real_disk().remove(file);  // the error that matters is in `done`
  if (!done && done.error().code == ErrorCode::kUnavailable) {
    return Error{ErrorCode::kInvalid,
                 named(path) + " is on a file system that cannot keep a cache (" +
                     done.error().message + "); ext4, xfs, btrfs and tmpfs can"};
  }
  if (!done) return advised(done.error().in(named(path) + " cannot be written"));
  return {};
}

// The history bounds itself, as do listings, a profile and a model, and whoever opens the cache
// leaves room for it.
bool is_neighbour(const std::string& name) {
  return name == "listings.db" || name == "listings.db-wal" || name == "history.db" ||
         name == "history.db-wal" || name == "profile.csv.zst" || name == "profile.csv.zst.new" ||
         name == "model.bin";
}

}  // namespace

Result<CacheDirectory> CacheDirectory::open(const stdfs::path& given) {
  std::error_code error;
  const stdfs::path path = stdfs::absolute(given, error).lexically_normal();
  if (error || given.empty()) return Error{ErrorCode::kInvalid, "cache.dir is not a path"};
  if (auto done = make(path); !done) return done.error();
  if (auto done = check_directory(path); !done) return done.error();
  auto lock = take_lock(path);
  if (!lock) return lock.error();
  if (auto done = probe(path); !done) return done.error();
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) < 0) return disk_error(errno, "look at the disk of", path);
  return CacheDirectory(path, std::move(*lock), info.f_frsize);
}

Result<void> CacheDirectory::make(const stdfs::path& path) {
  std::error_code error;
  stdfs::create_directories(path.parent_path(), error);
  if (error) {
    return advised(disk_error(error.value(), "create the cache directory's parent", path));
  }
  if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST) {
    return advised(disk_error(errno, "create cache directory", path));
  }
  return {};
}

CacheDirectory::CacheDirectory(stdfs::path path, UniqueFd lock, std::uint64_t block_bytes)
    : path_(std::move(path)), lock_(std::move(lock)), block_bytes_(block_bytes) {}

std::uint64_t CacheDirectory::overhead_bytes(Disk& disk) const {
  std::uint64_t bytes = disk.allocated_bytes(path_).value_or(0);
  std::error_code error;
  for (stdfs::directory_iterator it(path_, error), end; !error && it != end; it.increment(error)) {
    if (is_neighbour(it->path().filename().string())) continue;
    bytes += disk.allocated_bytes(it->path()).value_or(0);
  }
  return bytes;
}

}  // namespace augurfs
