#include "fs/running_mounts.h"

#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "fs/admin_socket.h"
#include "fs/mount_point.h"
#include "fs/runtime_directory.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

struct Running {
  fs::path socket;
  std::string mount_point;
  std::string cache;
};

std::vector<Running> running_mounts(const Environment& environment) {
  std::vector<Running> running;
  for (const fs::path& socket : socket_paths(runtime_directory(environment, ::geteuid()))) {
    const auto status = ask_status(socket);
    if (!status) continue;  // its daemon was killed, or hangs
    const auto json = nlohmann::json::parse(*status, nullptr, false);
    if (!json.is_object()) continue;
    const nlohmann::json cache = json.value("cache", nlohmann::json::object());
    running.push_back({socket, json.value("mount_point", ""), cache.value("directory", "")});
  }
  return running;
}

}  // namespace

Result<fs::path> mount_socket(const std::optional<fs::path>& directory,
                              const Environment& environment) {
  if (directory) {
    const auto resolved = resolve_mount_point(*directory);
    if (!resolved) return resolved.error();
    return socket_path(runtime_directory(environment, ::geteuid()), *resolved);
  }
  const std::vector<Running> running = running_mounts(environment);
  if (running.empty()) return Error{ErrorCode::kNotFound, "nothing is mounted"};
  if (running.size() == 1) return running.front().socket;
  std::string names;
  for (const Running& mount : running) names += (names.empty() ? "" : ", ") + mount.mount_point;
  return Error{ErrorCode::kInvalid, "say which mount: " + names};
}

std::optional<fs::path> cache_socket(const fs::path& cache, const Environment& environment) {
  for (const Running& mount : running_mounts(environment)) {
    std::error_code different;
    if (fs::equivalent(cache, mount.cache, different)) return mount.socket;
  }
  return std::nullopt;
}

}  // namespace augurfs
