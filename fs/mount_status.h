#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "cache/cache.h"
#include "fs/file_system.h"
#include "fs/page_feed.h"
#include "fs/passthrough.h"
#include "predictor/prefetcher.h"
#include "predictor/reading_list.h"
#include "remote/object_store.h"

namespace augurfs {

// What a daemon tells of itself. Holds no credential.
struct MountStatus {
  std::string url;
  std::filesystem::path mount_point;
  std::filesystem::path cache_directory;
  std::string version;
  std::uint32_t process = 0;
  std::chrono::seconds uptime{};
  StoreStats remote;
  CacheStats cache;
  MetadataStats metadata;
  FileSystemStats file_system;
  PrefetcherStats prefetcher;
  ReadingListStats reading_list;
  PrefetchAmount prefetch_per_day;                      // in which so much was
  PrefetchAmount prefetch_spent;                        // when it is not unlimited
  std::optional<std::chrono::seconds> prefetch_paused;  // unset: on; max: off
  bool prefetch_in_shadow = false;
  bool history_enabled = false;
  HistoryStats history;
  PageFeedStats page_feed;
  PassthroughStats passthrough;
};

// The document that `augurfs status --json` prints for one mount; its names are a promise.
std::string to_json(const MountStatus& status);

// The same document for a person to read, several lines. "" when it is no such document.
std::string to_text(const std::string& json);

}  // namespace augurfs
