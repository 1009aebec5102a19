#include "fs/unmount_command.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "fs/admin_socket.h"
#include "fs/mount_point.h"
#include "fs/process_handle.h"
#include "fs/runtime_directory.h"

namespace augurfs {
namespace {

// A daemon writes its index and ends its requests within this.
constexpr std::chrono::milliseconds kEndWithin{60'000};

std::optional<pid_t> daemon_of(const std::filesystem::path& socket) {
  const auto status = ask_status(socket);
  if (!status) return std::nullopt;
  const auto json = nlohmann::json::parse(*status, nullptr, false);
  if (!json.is_object() || !json.contains("pid") || !json["pid"].is_number()) return std::nullopt;
  return json["pid"].get<pid_t>();
}

Result<void> unmount_and_wait(const UnmountCommand& command, const Environment& environment) {
  const auto directory = resolve_mount_point(command.directory);
  if (!directory) return directory.error();
  const auto entry = mount_on(*directory);
  if (!entry || !entry->is_ours()) {
    return Error{ErrorCode::kInvalid, "augurfs has mounted nothing on " + directory->string()};
  }
  const auto sockets = runtime_directory(environment, ::geteuid());
  const auto process = daemon_of(socket_path(sockets, *directory));
  const ProcessHandle daemon(process.value_or(-1));  // none when dead or of another user
  const Detach detach = is_dead_mount(*directory) ? Detach::kLazily : Detach::kWhenUnused;
  auto unmounted = unmount(*directory, detach);
  if (!unmounted) return unmounted;
  if (!daemon.ends_within(kEndWithin)) {
    return Error{ErrorCode::kTimeout, directory->string() +
                                          " is unmounted, but its daemon, process " +
                                          std::to_string(*process) + ", has not ended yet"};
  }
  return {};
}

}  // namespace

int run_unmount(const UnmountCommand& command, const Environment& environment) {
  const auto done = unmount_and_wait(command, environment);
  if (done) return 0;
  std::fprintf(stderr, "augurfs: %s\n", done.error().message.c_str());
  return 1;
}

}  // namespace augurfs
