#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "cache/cache.h"
#include "fs/file_system.h"
#include "fs/fuse_session.h"
#include "fs/page_feed.h"
#include "predictor/prefetcher.h"
#include "support/fetch_gate.h"
#include "support/manual_clock.h"
#include "support/memory_store.h"
#include "support/temporary_directory.h"

namespace augurfs {

struct MountedFileSystemOptions {
  std::string prefix;
  // How long the kernel believes a name. kNever: it asks about each name each time.
  std::chrono::milliseconds name_ttl = kNever;
  ObjectStore* store = nullptr;  // null: the MemoryStore
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t file_mode = 0444;
  std::uint32_t directory_mode = 0555;
  std::optional<SupervisorOptions> brain;  // none: nothing is prefetched
  std::uint64_t into_memory_bytes_max = 0;
  bool passthrough = true;
  std::uint64_t cache_bytes_max = std::uint64_t{256} << 20U;

  static constexpr std::chrono::milliseconds kNever{0};
  static constexpr std::chrono::milliseconds kForEver = std::chrono::hours{1};
};

// A file system mounted by this process itself, over a bucket in memory: any key, any fault, and
// a clock that the test moves. One at a time. Programs under test run in this process, too; what
// waits for a held store must end before the mount does.
class MountedFileSystem {
 public:
  static constexpr std::chrono::milliseconds kTtl{60'000};
  static constexpr std::uint32_t kChunkBytes = 4096;

  explicit MountedFileSystem(const MountedFileSystemOptions& options = {});
  MountedFileSystem(const MountedFileSystem&) = delete;
  MountedFileSystem& operator=(const MountedFileSystem&) = delete;
  ~MountedFileSystem();

  // What the cache believed is not believed any more; what the kernel believes is.
  void expire() { clock_.advance(kTtl + std::chrono::seconds{1}); }

  std::filesystem::path path(const std::string& name = "") const;
  FileSystemStats stats() const { return files_->stats(); }
  CacheStats cache_stats() const { return cache_->stats(); }
  PrefetcherStats prefetcher_stats() const { return prefetcher_->stats(); }  // with a brain
  PageFeedStats page_feed_stats() const { return page_feed_->stats(); }
  ChunkReader& reader() { return cache_->reader(); }
  FuseSession& session() { return *session_; }

  MemoryStore store;
  FetchGate gate;  // before the store, whichever it is

 private:
  TemporaryDirectory directory_;
  ManualClock clock_;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<Prefetcher> prefetcher_;
  std::unique_ptr<FileSystem> files_;
  std::unique_ptr<FuseSession> session_;
  std::unique_ptr<PageFeed> page_feed_;
  std::jthread server_;
};

}  // namespace augurfs
