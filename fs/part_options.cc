#include "fs/part_options.h"

#include <spdlog/fmt/fmt.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <system_error>

#include "cache/cache_directory.h"
#include "fs/page_feed.h"
#include "fs/units.h"
#include "predictor/brain/brain_process.h"
#include "predictor/neural/checkpoint.h"
#include "predictor/profile_file.h"

namespace augurfs {
namespace {

// The size of the disk on which the directory lies, or will lie.
std::uint64_t disk_bytes(std::filesystem::path directory) {
  struct statvfs disk {};
  while (::statvfs(directory.c_str(), &disk) != 0 && directory.has_relative_path()) {
    directory = directory.parent_path();
  }
  return std::uint64_t{disk.f_blocks} * disk.f_frsize;
}

// A size that was set is checked where it is set; a share is known to be too small only here. Where
// no directory can be made, as in /proc, the size of the disk is not what is wrong.
Result<void> check_share(const SizeOrShare& size, std::uint64_t disk,
                         const std::filesystem::path& directory) {
  if (size.share == 0 || size.resolve(disk) >= kCacheBytesMin) return {};
  if (auto made = CacheDirectory::make(directory); !made) return made;
  constexpr double kPercent = 100;
  return Error{
      ErrorCode::kNoSpace,
      fmt::format("cache.size is {:g} % of the disk of {}, which has {}; that is {}, and a "
                  "cache needs {}: set cache.size, or cache.dir on a larger disk",
                  size.share * kPercent, directory.string(), rounded_size(disk),
                  rounded_size(size.resolve(disk)), rounded_size(kCacheBytesMin))};
}

// The kernel asks a cache that may have believed the store this long.
std::chrono::milliseconds cache_ttl(const Options& options) { return options.metadata.ttl / 2; }
std::chrono::milliseconds kernel_ttl(const Options& options) {
  return options.metadata.ttl - cache_ttl(options);
}

// With what was imported.
std::uint64_t history_bytes(const MountPlan& plan) {
  constexpr std::uint64_t kCacheShare = 8;
  const std::uint64_t cache = plan.options.cache.size.resolve(disk_bytes(plan.cache_directory));
  const std::uint64_t bytes = std::min(plan.options.history.size, cache / kCacheShare);
  return bytes < HistoryTable::kBytesMin ? 0 : bytes;
}

// Also when those of an earlier mount are still there.
std::uint64_t listings_share(const MountPlan& plan) {
  constexpr std::uint64_t kCacheShare = 8;
  const std::uint64_t cache = plan.options.cache.size.resolve(disk_bytes(plan.cache_directory));
  const std::uint64_t most = cache / kCacheShare;
  const std::uint64_t bytes = std::min(plan.options.metadata.size, most);
  if (bytes >= ListingFile::kBytesMin) return bytes;
  std::error_code error;
  const std::uint64_t there =
      std::filesystem::file_size(plan.cache_directory / kListingsFile, error);
  return error ? 0 : std::min(there, most);
}

// Beside this program, as it was built; or where packages put what is not for people to start.
std::filesystem::path find_brain() {
  constexpr const char* kName = "augurfs-predictor";
  std::error_code error;
  const std::filesystem::path here =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::filesystem::path packaged = here.parent_path() / "libexec" / "augurfs" / kName;
  return !std::filesystem::exists(here / kName, error) && std::filesystem::exists(packaged, error)
             ? packaged
             : here / kName;
}

// Not where it would be much beside the chunks.
bool has_room_for_model(const MountPlan& plan) {
  constexpr std::uint64_t kCacheShare = 8;
  const std::uint64_t cache = plan.options.cache.size.resolve(disk_bytes(plan.cache_directory));
  return cache / kCacheShare >= Checkpoint::kFileBytes;
}

// What is learned tells of the past, so it is kept where a history may be.
bool model_is_kept(const MountPlan& plan) {
  return plan.options.prefetch.neural && plan.options.history.enabled && has_room_for_model(plan);
}

// Also when that of an earlier mount is still there.
std::uint64_t model_share(const MountPlan& plan) {
  std::error_code error;
  const bool is_there = std::filesystem::exists(plan.cache_directory / kModelFile, error);
  return (is_there && has_room_for_model(plan)) || model_is_kept(plan) ? Checkpoint::kFileBytes : 0;
}

}  // namespace

std::optional<HistoryOptions> history_options(const MountPlan& plan) {
  if (!plan.options.history.enabled || history_bytes(plan) == 0) return std::nullopt;
  HistoryOptions out;
  out.file = plan.cache_directory / kHistoryFile;
  // While a profile is replaced there are two of them.
  constexpr std::uint64_t kProfileShare = 16;
  const std::uint64_t bytes = history_bytes(plan);
  out.profile_bytes_max = std::min(std::min<std::uint64_t>(kProfileBytesMax, bytes / kProfileShare),
                                   (bytes - HistoryTable::kBytesMin) / 2);
  out.bytes_max = bytes - 2 * out.profile_bytes_max;
  out.age_max = plan.options.history.age;
  return out;
}

// What of cache.size is not for chunks. The history of an earlier mount may still be there when it
// is switched off.
std::uint64_t history_share(const MountPlan& plan) {
  std::error_code error;
  const bool is_there = std::filesystem::exists(plan.cache_directory / kHistoryFile, error);
  return plan.options.history.enabled || is_there ? history_bytes(plan) : 0;
}

Result<CacheOptions> cache_options(const MountPlan& plan) {
  const Options& options = plan.options;
  const std::uint64_t disk = disk_bytes(plan.cache_directory);
  if (auto enough = check_share(options.cache.size, disk, plan.cache_directory); !enough) {
    return enough.error();
  }
  CacheOptions out;
  out.directory = plan.cache_directory;
  out.size_bytes_max = options.cache.size.resolve(disk) - history_share(plan) - model_share(plan) -
                       listings_share(plan);
  out.free_space_bytes_min = options.cache.free_space.resolve(disk);
  out.chunk_size_bytes = static_cast<std::uint32_t>(options.cache.chunk_size);
  out.transfers_max = options.remote.max_connections;
  const auto& budget = options.prefetch;
  out.prefetch_per_day = {budget.bytes_per_day.value_or(PrefetchAmount::kUnlimited),
                          budget.requests_per_day.value_or(PrefetchAmount::kUnlimited)};
  // One connection is always left to readers that wait.
  out.prefetch_transfers_max =
      std::min(options.prefetch.transfers_max, options.remote.max_connections - 1);
  // So that the store's own error, which says more, comes first.
  constexpr std::chrono::seconds kGrace{1};
  out.read_patience = options.remote.deadline + kGrace;
  if (options.prefetch.into_memory_bytes_max > 0) out.landings = PageFeed::landings();
  out.metadata_ttl = cache_ttl(options);
  out.metadata_entries_max = options.metadata.entries_max;
  out.list_subtrees = options.metadata.list_subtrees;
  if (options.metadata.size >= ListingFile::kBytesMin)
    out.listings_bytes_max = listings_share(plan);
  out.stale_while_revalidate = options.metadata.stale_while_revalidate;
  out.stale_if_error = options.metadata.stale_if_error;
  return out;
}

FuseSessionOptions session_options(const MountPlan& plan) {
  const auto& mount = plan.options.mount;
  FuseSessionOptions out;
  out.source = plan.url.to_string();
  out.directory = plan.mount_point;
  out.allow_other = mount.allow_other;
  out.uid = mount.uid.value_or(::getuid());
  out.gid = mount.gid.value_or(::getgid());
  out.file_mode = mount.file_mode;
  out.directory_mode = mount.directory_mode;
  out.name_ttl = kernel_ttl(plan.options);
  out.threads = mount.threads;
  out.passthrough = mount.passthrough;
  out.cache_directory = plan.cache_directory;
  // What nobody has open is to stay evictable but for a little.
  constexpr std::uint64_t kIdleShare = 32;
  out.idle_bytes_max =
      plan.options.cache.size.resolve(disk_bytes(plan.cache_directory)) / kIdleShare;
  return out;
}

SupervisorOptions brain_options(const MountPlan& plan, std::uint64_t cache_bytes_max) {
  SupervisorOptions out;
  out.command = {find_brain().string(),
                 std::to_string(plan.options.prefetch.brain_memory_bytes_max),
                 std::to_string(plan.options.cache.chunk_size), std::to_string(cache_bytes_max)};
  if (plan.options.prefetch.neural) {
    const auto file = plan.cache_directory / kModelFile;
    out.command.push_back(model_is_kept(plan) ? file.string() : kModelNotKept);
  }
  return out;
}

}  // namespace augurfs
