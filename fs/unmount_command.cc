#include "fs/unmount_command.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "fs/admin_socket.h"
#include "fs/mount_health.h"
#include "fs/mount_point.h"
#include "fs/mount_table.h"
#include "fs/print_error.h"
#include "fs/process_handle.h"
#include "fs/runtime_directory.h"
#include "fs/unmount.h"

namespace augurfs {
namespace {

// A daemon writes its index and ends its requests within this; most do so at once.
constexpr std::chrono::seconds kEndWithin{60};
constexpr std::chrono::seconds kEndAtOnce{2};
// One that is told to end by force gets this, and the kernel then as much for killing it.
constexpr std::chrono::seconds kEndByForceWithin{5};

// Takes the mount away as it should be: nobody uses it, and its daemon will end by itself.
Result<void> unmount_in_peace(const MountEntry& entry, pid_t process) {
  const std::filesystem::path& directory = entry.directory;
  const ProcessHandle daemon(process);
  const MountHealth health = ask_mount(directory);
  if (health == MountHealth::kSilent) {
    return Error{
        ErrorCode::kTimeout,
        fmt::format("the daemon of {0} does not answer; to end it and take the mount away: "
                    "augurfs unmount --force {0}",
                    directory.string())};
  }
  auto unmounted =
      unmount(directory, health == MountHealth::kDead ? Detach::kLazily : Detach::kWhenUnused);
  if (!unmounted || daemon.ends_within(kEndAtOnce)) return unmounted;
  if (const auto other = process_that_sees(entry.device)) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("{} is unmounted here, but process {} still sees it in a mount "
                             "namespace of its own, as a container has; the daemon, process {}, "
                             "serves it there until that ends; to end it now: kill {}",
                             directory.string(), *other, process, process)};
  }
  if (daemon.ends_within(kEndWithin)) return {};
  return Error{ErrorCode::kTimeout,
               fmt::format("{} is unmounted, but its daemon, process {}, has not ended in {} s; "
                           "its cache bears a kill -9",
                           directory.string(), process, kEndWithin.count())};
}

// Takes it away whatever it does. The cache bears the end of its daemon at any moment.
Result<void> unmount_by_force(const std::filesystem::path& directory, pid_t process) {
  const ProcessHandle daemon(process);
  auto unmounted = unmount(directory, Detach::kLazily);
  if (!unmounted) return unmounted;
  daemon.signal(SIGTERM);
  if (daemon.ends_within(kEndByForceWithin)) return {};
  daemon.signal(SIGKILL);
  if (daemon.ends_within(kEndByForceWithin)) return {};
  return Error{ErrorCode::kTimeout,
               fmt::format("{} is unmounted, but the kernel has not let its daemon end yet",
                           directory.string())};
}

Result<void> unmount_and_wait(const UnmountCommand& command, const Environment& environment) {
  const auto directory = resolve_mount_point(command.directory);
  if (!directory) return directory.error();
  const auto entry = mount_on(*directory);
  if (!entry || !entry->is_ours()) {
    return Error{ErrorCode::kInvalid, "augurfs has mounted nothing on " + directory->string()};
  }
  if (const uid_t self = ::geteuid(); self != 0 && entry->user && *entry->user != self) {
    return Error{ErrorCode::kDenied,
                 fmt::format("{0} was mounted by user id {1}, this process runs as {2}; unmount it "
                             "as that user or as root: sudo augurfs unmount {0}",
                             directory->string(), *entry->user, self)};
  }
  const auto sockets = runtime_directory(environment, ::geteuid());
  // None when it is dead or another user's.
  const pid_t daemon = listener_on(socket_path(sockets, *directory)).value_or(-1);
  return command.force ? unmount_by_force(*directory, daemon) : unmount_in_peace(*entry, daemon);
}

}  // namespace

int run_unmount(const UnmountCommand& command, const Environment& environment) {
  const auto done = unmount_and_wait(command, environment);
  if (done) return 0;
  print_error(done.error().message);
  return 1;
}

}  // namespace augurfs
