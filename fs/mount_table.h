#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace augurfs {

// A line of the kernel's table of mounts. Reading the table never touches a mount, so that it
// cannot hang.
struct MountEntry {
  std::string device;  // "0:52": the same in every mount namespace
  std::filesystem::path directory;
  std::string type;           // "fuse.augurfs" for ours
  std::string source;         // for ours the URL
  std::optional<uid_t> user;  // of a FUSE mount: who mounted it

  bool is_ours() const { return type == "fuse.augurfs"; }
};

// What is mounted on exactly this directory, uppermost first; nullopt when nothing is. `table` is
// for tests.
std::optional<MountEntry> mount_on(const std::filesystem::path& directory,
                                   const std::filesystem::path& table = "/proc/self/mountinfo");

// The mount of ours that `path`, absolute and without links, is or lies in, as far down as there
// is one.
std::optional<MountEntry> our_mount_around(
    const std::filesystem::path& path, const std::filesystem::path& table = "/proc/self/mountinfo");

// Every mount of ours that `user` made, but for what lies below another on the same directory.
std::vector<MountEntry> mounts_of(uid_t user,
                                  const std::filesystem::path& table = "/proc/self/mountinfo");

// A process that sees what is mounted as `device`. With nothing mounted here any more it has a
// mount namespace of its own, made while there was, as a container has. Of those that this user may
// not look at nothing is known.
std::optional<pid_t> process_that_sees(const std::string& device,
                                       const std::filesystem::path& processes = "/proc");

}  // namespace augurfs
