#include "fs/mount_point.h"

#include <dirent.h>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include "fs/mount_health.h"
#include "fs/mount_table.h"
#include "fs/print_error.h"
#include "fs/unmount.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

Error told(const fs::path& directory, const std::string& what) {
  return {ErrorCode::kInvalid, directory.string() + " " + what};
}

Error mounted_already(const MountEntry& entry) {
  return told(entry.directory, fmt::format("is already mounted ({}); unmount it first: augurfs "
                                           "unmount {}",
                                           entry.source, entry.directory.string()));
}

Error refused(const fs::path& directory, int error) {
  switch (error) {
    case ENOENT:
      return {ErrorCode::kNotFound, directory.string() + " does not exist"};
    case ENOTDIR:
      return told(directory, "is not a directory; choose one that is, or make it: mkdir -p DIR");
    case ENOTCONN:
    case ECONNABORTED:
      return told(directory, fmt::format("is a dead mount of another program; take it away first: "
                                         "umount -l {}",
                                         directory.string()));
    default:
      return {ErrorCode::kDenied, fmt::format("cannot use {} as a mount point: {}",
                                              directory.string(), std::strerror(error))};
  }
}

Result<void> clear_ours(const fs::path& directory) {
  constexpr int kStackedMax = 16;
  for (int i = 0; i < kStackedMax; ++i) {
    const auto entry = mount_on(directory);
    if (!entry) return {};
    const MountHealth health = ask_mount(directory);
    if (health == MountHealth::kSilent) {
      return told(directory, fmt::format("is mounted ({}) by a program that does not answer; take "
                                         "it away first: {} {}",
                                         entry->source,
                                         entry->is_ours() ? "augurfs unmount --force" : "umount -l",
                                         directory.string()));
    }
    if (!entry->is_ours()) return {};
    if (health == MountHealth::kAnswers) return mounted_already(*entry);
    if (auto gone = unmount(directory, Detach::kLazily); !gone) {
      return gone.error().in("cannot take away the dead mount of an earlier daemon");
    }
    print_error(fmt::format("took away the dead mount of {} that an earlier daemon had left on {}",
                            entry->source, directory.string()));
  }
  return told(directory, "has too many dead mounts upon one another");
}

Result<void> check_empty(const fs::path& directory) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return refused(directory, errno);
  bool empty = true;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") empty = false;
  }
  ::closedir(stream);
  if (!empty)
    return told(directory,
                "is not empty, and a mount would hide what is in it; choose an empty one");
  return {};
}

// Whether a path means what it says, character by character: one with ".." may mean something
// else when there are links in it.
bool is_literal(const fs::path& path) {
  return std::find(path.begin(), path.end(), "..") == path.end();
}

}  // namespace

Result<fs::path> absolute_path(const fs::path& path) {
  if (path.empty()) return Error{ErrorCode::kInvalid, "the name of the directory is empty"};
  std::error_code error;
  fs::path absolute = fs::absolute(path, error);
  if (!error) return absolute;
  return Error{ErrorCode::kInvalid,
               fmt::format("cannot tell where {} is: the working directory: {}", path.string(),
                           error.message())};
}

Result<fs::path> resolve_mount_point(const fs::path& directory) {
  const auto absolute = absolute_path(directory);
  if (!absolute) return absolute.error();
  fs::path plain = absolute->lexically_normal();
  if (!plain.has_filename()) plain = plain.parent_path();
  // The table holds paths without links, and what stands in it need not be asked.
  if (is_literal(*absolute) && mount_on(plain)) return plain;
  const auto around = our_mount_around(plain);
  if (around && ask_mount(around->directory) == MountHealth::kSilent) {
    return Error{
        ErrorCode::kTimeout,
        fmt::format("{0} lies in {1}, whose daemon does not answer; to end it and take the "
                    "mount away: augurfs unmount --force {1}",
                    plain.string(), around->directory.string())};
  }
  std::error_code error;
  fs::path resolved = fs::canonical(*absolute, error);
  if (error) return refused(plain, error.value());
  return resolved;
}

Result<fs::path> prepare_mount_point(const fs::path& directory) {
  auto resolved = resolve_mount_point(directory);
  if (!resolved && resolved.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound, fmt::format("{}; create it first: mkdir -p {}",
                                                   resolved.error().message, directory.string())};
  }
  if (!resolved) return resolved;
  if (auto cleared = clear_ours(*resolved); !cleared) return cleared.error();
  struct stat status {};
  if (::stat(resolved->c_str(), &status) != 0) return refused(*resolved, errno);
  if (!S_ISDIR(status.st_mode)) return refused(*resolved, ENOTDIR);
  if (auto empty = check_empty(*resolved); !empty) return empty.error();
  return resolved;
}

Result<UniqueFd> take_turn(const fs::path& mount_point) {
  UniqueFd directory(::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return refused(mount_point, errno);
  // Some file systems lock no directories; then the next look has to do.
  if (::flock(directory.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return told(mount_point, "is being mounted by another process; see augurfs status");
  }
  // Who had the turn before may have mounted since the directory was found free.
  const auto entry = mount_on(mount_point);
  if (entry && entry->is_ours()) return mounted_already(*entry);
  return directory;
}

}  // namespace augurfs
