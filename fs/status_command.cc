#include "fs/status_command.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "fs/admin_socket.h"
#include "fs/mount_health.h"
#include "fs/mount_point.h"
#include "fs/mount_status.h"
#include "fs/mount_table.h"
#include "fs/print_error.h"
#include "fs/runtime_directory.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }

// Why a daemon says nothing of a mount that is there.
std::string explain_silence(const MountEntry& mount, bool somebody_listens) {
  const std::string directory = mount.directory.string();
  const MountHealth health = somebody_listens ? MountHealth::kSilent : ask_mount(mount.directory);
  switch (health) {
    case MountHealth::kSilent:
      return fmt::format(
          "{0} ({1}): its daemon does not answer; to end it and take the mount away: "
          "augurfs unmount --force {0}",
          directory, mount.source);
    case MountHealth::kDead:
      return fmt::format(
          "{0} ({1}) is dead: its daemon has ended; take it away: augurfs unmount "
          "{0}",
          directory, mount.source);
    case MountHealth::kAnswers:
      break;
  }
  return fmt::format(
      "{} ({}) is mounted, but its status cannot be had: it was mounted with another "
      "XDG_RUNTIME_DIR, by another user, or its log says why",
      directory, mount.source);
}

int print_one(const fs::path& directory, const fs::path& sockets, bool json) {
  const auto resolved = resolve_mount_point(directory);
  if (!resolved) {
    print_error(resolved.error().message);
    return 1;
  }
  // As df has it: of the mount that a file or a directory lies on.
  const auto around = our_mount_around(*resolved);
  const fs::path& mount_point = around ? around->directory : *resolved;
  const auto status = ask_status(socket_path(sockets, mount_point));
  if (status) {
    print(json ? *status + "\n" : to_text(*status));
    return 0;
  }
  const bool somebody_listens = status.error().code != ErrorCode::kNotFound;
  if (around) {
    print_error(explain_silence(*around, somebody_listens));
  } else if (somebody_listens) {
    print_error(status.error().message);
  } else {
    print_error("augurfs has mounted nothing on " + resolved->string());
  }
  return 1;
}

// The sockets of every mount of this user, with the mount where the table of mounts knows it: a
// daemon may listen elsewhere, or be in another mount namespace.
std::map<fs::path, std::optional<MountEntry>> find_mounts(const fs::path& sockets) {
  std::map<fs::path, std::optional<MountEntry>> mounts;
  for (const fs::path& socket : socket_paths(sockets)) mounts.emplace(socket, std::nullopt);
  for (const MountEntry& mount : mounts_of(::geteuid())) {
    mounts[socket_path(sockets, mount.directory)] = mount;
  }
  return mounts;
}

int print_all(const fs::path& sockets, bool json) {
  std::vector<std::string> documents;
  bool all_answer = true;
  for (const auto& [socket, mount] : find_mounts(sockets)) {
    const auto status = ask_status(socket);
    if (status) {
      documents.push_back(*status);
      continue;
    }
    const bool somebody_listens = status.error().code != ErrorCode::kNotFound;
    std::error_code ignored;
    if (!somebody_listens) fs::remove(socket, ignored);  // its daemon was killed
    if (!mount && !somebody_listens) continue;
    print_error(mount ? explain_silence(*mount, somebody_listens) : status.error().message);
    all_answer = false;
  }
  std::string text;
  for (const std::string& document : documents) {
    if (!text.empty()) text += json ? ",\n" : "\n";
    text += json ? document : to_text(document);
  }
  if (json) text = "[" + text + "]\n";
  if (!json && documents.empty() && all_answer) text = "nothing is mounted\n";
  print(text);
  return all_answer ? 0 : 1;
}

}  // namespace

int run_status(const StatusCommand& command, const Environment& environment) {
  const fs::path sockets = runtime_directory(environment, ::geteuid());
  if (command.directory) return print_one(*command.directory, sockets, command.json);
  return print_all(sockets, command.json);
}

}  // namespace augurfs
