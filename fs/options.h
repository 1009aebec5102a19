#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "remote/open_store.h"

namespace augurfs {

// The smallest cache worth having.
inline constexpr std::uint64_t kCacheBytesMin = 16 << 20;

// A size in bytes or a share of the disk the cache lies on: "20 GiB" or "10%".
struct SizeOrShare {
  std::uint64_t bytes = 0;
  double share = 0;  // 0..1; when not 0 it is what counts

  std::uint64_t resolve(std::uint64_t disk_bytes) const;
};

enum class PrefetchMode : std::uint8_t { kOff, kShadow, kOn };

// Every setting of a mount. fs/option_table.cc holds, for each, its name, type, default and
// documentation; nothing else names an option.
struct Options {
  StoreOptions remote;
  struct {
    std::filesystem::path directory;  // empty: derived from the URL, see default_cache_directory
    SizeOrShare size;
    SizeOrShare free_space;
    std::uint64_t chunk_size = 0;
  } cache;
  struct {
    std::chrono::milliseconds ttl{};
    std::uint64_t entries_max = 0;
    bool list_subtrees = true;
    std::uint64_t size = 0;  // on disk
    std::chrono::milliseconds stale_while_revalidate{};
    std::chrono::milliseconds stale_if_error{};
  } metadata;
  struct {
    bool allow_other = false;
    std::optional<std::uint32_t> uid;  // unset: who mounts
    std::optional<std::uint32_t> gid;
    std::uint32_t file_mode = 0;
    std::uint32_t directory_mode = 0;
    bool read_only = true;
    bool auto_unmount = true;
    int threads = 0;
    bool passthrough = true;
  } mount;
  struct {
    PrefetchMode mode = PrefetchMode::kOn;
    bool brain = true;
    std::uint64_t brain_memory_bytes_max = 0;
    bool neural = false;
    int transfers_max = 0;
    std::optional<std::uint64_t> bytes_per_day;     // unset: unlimited
    std::optional<std::uint64_t> requests_per_day;  // unset: unlimited
    std::uint64_t window_bytes_max = 0;
    std::uint64_t into_memory_bytes_max = 0;
  } prefetch;
  struct {
    bool enabled = true;
    std::uint64_t size = 0;
    std::chrono::milliseconds age{};
    std::string excluded_programs;
    std::string excluded_paths;
  } history;
  struct {
    std::string level;
    std::filesystem::path file;  // empty: see docs/configuration.md
  } log;
};

}  // namespace augurfs
