#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "cache/chunk_reader.h"
#include "fs/file_system.h"
#include "remote/guarded.h"
#include "remote/result.h"

namespace augurfs {

struct PageFeedOptions {
  std::uint64_t unopened_bytes_max = 0;      // 0: nothing is stored
  std::function<std::uint64_t()> available;  // memory of this machine; null: what it says
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  bool own_thread = true;  // false: nothing happens but by step()
};

struct PageFeedStats {
  std::uint64_t stored = 0;  // files
  std::uint64_t stored_bytes = 0;
  std::uint64_t not_needed = 0;  // the kernel does not know the file, or has had its bytes already
  std::uint64_t no_room = 0;     // too much was stored that nobody has opened
  std::uint64_t failed = 0;      // the kernel refused it, or the cache lost it
};

// Gives the kernel small files that were fetched ahead and are all but certain to be read, so that
// the first read of a program makes no request. A thread of its own takes what has landed in the
// cache and stores it whole; an inode is one version for ever, so what is stored cannot become
// wrong.
//
// It cannot push much out of memory: what was stored in the last minute and not opened since stays
// below `unopened_bytes_max`, a sixteenth of the memory that is available, and kUnopenedMax files.
// What is opened would have come there anyway.
// Thread rule: any thread, but for step(). `files` and `reader` are borrowed and outlive me, and so
// does what `store` needs. The destructor stops and joins.
class PageFeed {
 public:
  // In one piece, since the kernel believes a page of which it was given the end
  // (FUSE_NOTIFY_STORE) to be whole. As much as readahead asks for at once: of a larger file the
  // first read waits for a small part only.
  static constexpr std::uint64_t kObjectBytesMax = 1U << 20U;
  // As the expert says that foresees it. A hint is certain.
  static constexpr float kProbabilityMin = 0.8F;
  static constexpr std::size_t kLandingsMax = 1024;
  static constexpr std::size_t kUnopenedMax = 4096;
  static constexpr std::chrono::seconds kUnopenedFor{60};
  static constexpr std::uint64_t kMemoryShare = 16;

  // What a cache must be told for this.
  static LandingsOptions landings() { return {kLandingsMax, kObjectBytesMax, kProbabilityMin}; }

  // FuseSession::store, or what stands for it in a test.
  using Store = std::function<Result<void>(InodeNumber inode, std::span<const std::byte> bytes)>;

  PageFeed(PageFeedOptions options, FileSystem& files, ChunkReader& reader, Store store);
  PageFeed(const PageFeed&) = delete;
  PageFeed& operator=(const PageFeed&) = delete;
  ~PageFeed() = default;

  PageFeedStats stats() const { return *stats_.lock(); }

  // Works off what has landed, on the caller's thread. Only without a thread of its own.
  void step();

 private:
  using Clock = std::chrono::steady_clock;
  struct Unopened {
    InodeNumber inode{};
    std::uint64_t bytes = 0;
    Clock::time_point since;
  };

  void consider(const Version& version);
  bool give(InodeNumber inode, const Version& version);
  bool has_room(std::uint64_t bytes);
  std::uint64_t bytes_max(Clock::time_point now);
  void count(std::uint64_t PageFeedStats::*figure, std::uint64_t by = 1);

  const PageFeedOptions options_;
  FileSystem& files_;
  ChunkReader& reader_;
  const Store store_;
  Guarded<PageFeedStats> stats_;
  // Touched only by the thread, or by step() when there is none.
  std::vector<std::byte> buffer_;
  std::deque<Unopened> unopened_;  // the oldest first; some may have been opened
  std::uint64_t unopened_bytes_ = 0;
  std::uint64_t bytes_max_ = 0;
  Clock::time_point renew_;  // when bytes_max_ is out of date
  Clock::time_point look_;   // when it is worth while to look for opened ones
  std::jthread thread_;      // last: it ends before what it uses
};

}  // namespace augurfs
