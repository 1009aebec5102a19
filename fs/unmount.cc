#include "fs/unmount.h"

#include <spdlog/fmt/fmt.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "fs/mount_users.h"
#include "remote/run_command.h"

namespace augurfs {
namespace {

Error in_use(const std::filesystem::path& directory) {
  const std::string users = users_of(directory);
  return {ErrorCode::kUnavailable,
          fmt::format("{} is in use{}{}; end what uses it and try again", directory.string(),
                      users.empty() ? "" : " by process ", users)};
}

Error cannot_unmount(const std::filesystem::path& directory, const std::string& why) {
  return {ErrorCode::kDenied, fmt::format("cannot unmount {}: {}", directory.string(), why)};
}

// As one word of the shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

Result<void> run_fusermount(const std::filesystem::path& directory, Detach detach) {
  constexpr CommandLimits kLimits{.timeout = std::chrono::seconds(10)};
  const std::string command = fmt::format(
      "command -v fusermount3 > /dev/null || {{ echo it needs the package fuse3 >&2; exit 1; }}; "
      "exec fusermount3 {} -- {}",
      detach == Detach::kLazily ? "-uz" : "-u", quoted(directory.string()));
  const auto done = run_command(command, kLimits, {});
  if (done) return {};
  const std::string& why = done.error().message;
  return why.find("busy") != std::string::npos ? in_use(directory) : cannot_unmount(directory, why);
}

}  // namespace

Result<void> unmount(const std::filesystem::path& directory, Detach detach) {
  if (::geteuid() != 0) return run_fusermount(directory, detach);
  const int flags = UMOUNT_NOFOLLOW | (detach == Detach::kLazily ? MNT_DETACH : 0);
  if (::umount2(directory.c_str(), flags) == 0) return {};
  return errno == EBUSY ? in_use(directory) : cannot_unmount(directory, std::strerror(errno));
}

}  // namespace augurfs
