#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "cache/chunk_layout.h"
#include "cache/chunk_reader.h"
#include "cache/chunk_table.h"
#include "cache/eviction.h"
#include "cache/prefetch_tally.h"
#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

// What would have become of prefetches, had they been fetched.
struct ShadowVerdict {
  std::vector<PrefetchTally> tallies;     // by account, as the cache's
  std::chrono::nanoseconds waited{};      // by programs, for the store, meanwhile
  std::chrono::nanoseconds round_trip{};  // to the first byte, as measured
};

struct ShadowOptions {
  std::function<ChunkLayout(const Version& version)> layout;
  // Whether a chunk is cached or on its way.
  std::function<bool(const Version& version, std::uint32_t chunk)> is_there;
  std::function<FetchPace()> pace;
  std::uint64_t bytes_max = 0;  // what may be fetched and not used yet
  int flights_max = 16;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

// Fetches nothing, and says what would have come of it: takes prefetches in the place of
// ChunkReader, lets each chunk arrive when the store, at the pace it is measured to have, would
// have brought it, keeps what has arrived in a staging segment as the cache does, and judges by
// what is read. A chunk that is read is forgotten: the cache has it from then on.
//
// Programs wait in the shadow for what would have been there, so they come to the next read later
// than they would: what is said to be in time is the most it can be.
// Bounded: kChunksMax chunks, and as many may wait for a flight as in a ChunkReader.
// Thread rule: any thread.
class Shadow {
 public:
  static constexpr std::size_t kChunksMax = 1 << 16;  // some 6 MB

  explicit Shadow(ShadowOptions options) : options_(std::move(options)) {}

  // As ChunkReader::prefetch.
  bool prefetch(const Version& version, ByteRange range, const Foreseen& foreseen);
  // A program reads this, at this time.
  void read(const Version& version, ByteRange range, std::chrono::steady_clock::time_point time);
  // It had to wait for so long.
  void waited(std::chrono::nanoseconds time) { state_.lock()->waited += time; }
  // From here on things are fetched: what is pending stays without a verdict.
  void end();

  ShadowVerdict verdict() const;

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Pending {
    Time begins;
    Time arrives;
    std::chrono::nanoseconds fetch_time{};  // what a reader of this chunk would have waited
    std::uint32_t bytes = 0;
  };
  struct State {
    ChunkTable chunks;
    std::vector<Pending> pending;  // by slot
    Eviction staging{EvictionOptions()};
    std::uint64_t bytes = 0;
    std::vector<Time> flights;  // when each slot for one is free
    std::deque<Time> queue;     // when chunks that wait for a slot get it
    std::vector<PrefetchTally> tallies;
    std::chrono::nanoseconds waited{};

    PrefetchTally& tally(std::uint32_t account);
    void drop(std::uint32_t slot);
  };
  // Adjacent chunks that fly together.
  struct Run {
    std::uint64_t version = 0;
    ChunkLayout layout;
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };

  std::vector<Run> lacking(const Version& version, ByteRange range) const;
  void fly(State& state, const Run& run, const Foreseen& foreseen, Time now,
           const FetchPace& pace) const;
  static void judge(State& state, std::uint32_t slot, Time now);

  const ShadowOptions options_;
  Guarded<State> state_;
};

}  // namespace augurfs
