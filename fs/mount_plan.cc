#include "fs/mount_plan.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "fs/default_paths.h"
#include "fs/lies_in.h"
#include "fs/mount_point.h"
#include "fs/runtime_directory.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

Result<void> check_fuse_device() {
  if (::access("/dev/fuse", R_OK | W_OK) == 0) return {};
  const char* remedy = errno == ENOENT ? "load the module (modprobe fuse), or start the container "
                                         "with --device /dev/fuse --cap-add SYS_ADMIN"
                                       : "only root may mount here until: chmod 0666 /dev/fuse";
  return Error{ErrorCode::kUnavailable,
               fmt::format("/dev/fuse: {}; {}", std::strerror(errno), remedy)};
}

Result<fs::path> log_file_of(const MountCommand& command, const fs::path& mount_point,
                             const Environment& environment) {
  const fs::path& chosen = command.options.log.file;
  if (chosen == "stderr" && !command.foreground) {
    return Error{ErrorCode::kInvalid,
                 "log.file is stderr, which a mount in the background does not keep; stay in front "
                 "(-f), or set log.file to a file or to journald"};
  }
  if (!chosen.empty()) return chosen;
  if (command.foreground) return fs::path("stderr");
  return default_log_file(mount_point, environment, ::geteuid() == 0);
}

// Where a path leads, also one whose end is still to be made.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::weakly_canonical(path, error);
  return error ? path.lexically_normal() : real;
}

// A mount that rests on itself would wait for itself, or hold itself without end.
Result<void> check_apart(const MountPlan& plan) {
  const std::string mount_point = plan.mount_point.string();
  const auto told = [](std::string message) {
    return Error{ErrorCode::kInvalid, std::move(message)};
  };
  const fs::path cache = resolved(plan.cache_directory);
  if (lies_in(cache, plan.mount_point)) {
    return told(
        fmt::format("the cache directory {} lies in the mount point {}; choose another "
                    "cache.dir",
                    cache.string(), mount_point));
  }
  if (plan.log_file.is_absolute() && lies_in(resolved(plan.log_file), plan.mount_point)) {
    return told(fmt::format("the log file {} lies in the mount point {}; choose another log.file",
                            plan.log_file.string(), mount_point));
  }
  if (plan.url.scheme != StoreUrl::Scheme::kFile) return {};
  const fs::path bucket = resolved(plan.url.directory);
  if (lies_in(plan.mount_point, bucket)) {
    return told(
        fmt::format("the mount point {} lies in the bucket {}, so that the mount would "
                    "hold itself; choose a directory outside of the bucket",
                    mount_point, bucket.string()));
  }
  if (lies_in(cache, bucket)) {
    return told(
        fmt::format("the cache directory {} lies in the bucket {}, so that what is cached "
                    "would be in the bucket; choose another cache.dir",
                    cache.string(), bucket.string()));
  }
  return {};
}

}  // namespace

Result<MountPlan> plan_mount(const MountCommand& command, const Environment& environment) {
  MountPlan plan;
  plan.options = command.options;
  auto url = parse_store_url(command.url);
  if (!url) return url.error();
  plan.url = std::move(*url);
  auto mount_point = prepare_mount_point(command.directory);
  if (!mount_point) return mount_point.error();
  plan.mount_point = std::move(*mount_point);
  if (auto device = check_fuse_device(); !device) return device.error();
  plan.cache_directory = command.options.cache.directory;
  if (plan.cache_directory.empty()) {
    auto directory =
        default_cache_directory(plan.url, command.options, environment, ::geteuid() == 0);
    if (!directory) return directory.error();
    plan.cache_directory = std::move(*directory);
  }
  auto log_file = log_file_of(command, plan.mount_point, environment);
  if (!log_file) return log_file.error();
  plan.log_file = std::move(*log_file);
  plan.sockets = runtime_directory(environment, ::geteuid());
  if (auto apart = check_apart(plan); !apart) return apart.error();
  return plan;
}

}  // namespace augurfs
