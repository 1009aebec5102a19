#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "remote/result.h"

namespace augurfs {

// A line of the kernel's table of mounts.
struct MountEntry {
  std::filesystem::path directory;
  std::string type;    // "fuse.augurfs" for ours
  std::string source;  // for ours the URL

  bool is_ours() const { return type == "fuse.augurfs"; }
};

// What is mounted on exactly this directory, uppermost first; nullopt when nothing is. Asks the
// kernel's table, never the mount itself, so that it cannot hang. `table` is for tests.
std::optional<MountEntry> mount_on(const std::filesystem::path& directory,
                                   const std::filesystem::path& table = "/proc/self/mountinfo");

// The absolute path without symbolic links, also of a directory whose mount is dead.
Result<std::filesystem::path> resolve_mount_point(const std::filesystem::path& directory);

// Whether `path` is `directory` or something below it; both absolute and without links.
bool lies_in(const std::filesystem::path& path, const std::filesystem::path& directory);

// Whether nobody serves the FUSE mount on `directory` any more.
bool is_dead_mount(const std::filesystem::path& directory);

// The directory, resolved and ready to be mounted on: there, a directory, empty, and nothing of
// ours on it. A dead mount of ours is taken away. The error says what is wrong and what to do.
Result<std::filesystem::path> prepare_mount_point(const std::filesystem::path& directory);

// kUnavailable with the programs that use the mount when it is in use and `lazily` is not set;
// lazily, it leaves the tree at once and ends when nobody uses it any more. As root by the system
// call, otherwise by fusermount3.
enum class Detach { kWhenUnused, kLazily };
Result<void> unmount(const std::filesystem::path& directory, Detach detach);

}  // namespace augurfs
