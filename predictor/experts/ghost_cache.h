#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "predictor/chunk_cache.h"

namespace augurfs {

struct GhostCacheOptions {
  std::uint64_t cache_bytes = 0;
  EvictionOptions eviction;
  double flights_max = 16;               // that prefetch has under way at once
  std::size_t chunks_flying_max = 1024;  // beyond that a prefetch is refused
  std::uint64_t periods_to_prove = 16;   // until a prefetch that was not read was in vain
  std::size_t unproven_max = 1 << 14;    // beyond that the oldest was in vain
};

// What a cache would hold had another policy filled it: metadata only. Prefetches fly so many at a
// time, and each takes as long as it is told that a fetch takes; a read that meets one waits for
// the rest. Counts what reads would wait and what would be fetched; the bytes of a prefetch as well
// when they have shown their worth, so that who fetches now what others fetch later is not held to
// be the dearer one meanwhile.
// Bounded by the chunks that the cache has room for, see chunks(), by those that fly, and by
// `unproven_max`.
// Thread rule: one thread at a time.
class GhostCache {
 public:
  struct Chunk {
    ChunkId id;
    std::uint32_t bytes = 0;
  };

  explicit GhostCache(const GhostCacheOptions& options);

  // A program reads it: how long that waits, when a fetch takes `fetch`.
  Tick read(const Chunk& chunk, Tick now, Tick fetch);
  // These fly together. Those that are there or on their way are left out. `flights`: less than one
  // when the rest of the flight is of no interest here.
  void prefetch(std::span<const Chunk> chunks, Tick now, Tick due, Tick fetch, double flights);

  // What is not read within `periods_to_prove` of these was prefetched in vain.
  void end_period();

  std::uint64_t fetched_bytes() const { return fetched_bytes_; }
  // Of those the ones that a reader asked for, now or after they were prefetched, and those that
  // were prefetched in vain.
  std::uint64_t settled_bytes() const { return fetched_bytes_ - unproven_bytes_; }
  // Held or on their way.
  std::size_t chunks() const { return cache_.size() + flying_.size(); }

 private:
  struct Flying {
    std::uint32_t bytes = 0;
    bool joined = false;  // a reader has come meanwhile
    Tick arrives{};
    Tick due{};
  };

  // Prefetched, and not read since.
  struct Unproven {
    std::uint32_t bytes = 0;
    std::uint64_t period = 0;
  };

  void await_proof(const Chunk& chunk);
  void settle(ChunkId id);
  void settle_oldest();
  void land(Tick now);
  void land(std::deque<ChunkId>& order, Tick now);

  const GhostCacheOptions options_;
  ChunkCache cache_;
  std::unordered_map<ChunkId, Flying, ChunkIdHash> flying_;
  // Of those, in the order they arrive, more or less.
  std::deque<ChunkId> demanded_;
  std::deque<ChunkId> prefetched_;
  std::vector<Tick> slots_;  // when each is free for the next prefetch
  Ledger ledger_;
  std::unordered_map<ChunkId, Unproven, ChunkIdHash> unproven_;
  std::deque<std::pair<ChunkId, std::uint64_t>> unproven_order_;  // with the period; some settled
  std::uint64_t period_ = 0;
  std::uint64_t fetched_bytes_ = 0;
  std::uint64_t unproven_bytes_ = 0;
};

}  // namespace augurfs
