#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "cache/chunk_reader.h"
#include "predictor/event.h"
#include "predictor/expert.h"

namespace augurfs {

struct PrefetcherOptions {
  std::size_t queue_events_max = 4096;  // some tenths of a second of a mount at full speed
  bool own_thread = true;               // false: nothing happens but by step()
};

struct PrefetcherStats {
  std::uint64_t events = 0;          // taken from the queue
  std::uint64_t events_dropped = 0;  // oldest first, when the queue was full
  std::uint64_t candidates = 0;      // handed to the cache
  std::uint64_t refused = 0;         // of those: the cache had no room for them
};

// Turns accesses into cache reads nobody waits for: record() puts an event into a bounded queue,
// a thread of the prefetcher's own feeds it to the experts and their candidates to the reader.
// Thread rule: record() and stats() from any thread; record() never blocks on the experts or the
// reader. `reader` is borrowed and outlives the prefetcher. The destructor stops and joins.
class Prefetcher {
 public:
  // ChunkReader::prefetch, or what stands for it in a test: false when there was no room.
  using Fetch = std::function<bool(const Version& version, ByteRange range)>;

  Prefetcher(ChunkReader& reader, std::vector<std::unique_ptr<Expert>> experts,
             const PrefetcherOptions& options = {})
      : Prefetcher([&reader](const Version& version,
                             ByteRange range) { return reader.prefetch(version, range); },
                   std::move(experts), options) {}
  Prefetcher(Fetch fetch, std::vector<std::unique_ptr<Expert>> experts,
             const PrefetcherOptions& options = {});
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  ~Prefetcher();

  void record(Event event);
  PrefetcherStats stats() const;

  // Works off what is in the queue, on the caller's thread; says how many events there were. Only
  // without a thread of its own.
  std::size_t step();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
