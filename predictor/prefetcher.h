#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cache/chunk_reader.h"
#include "predictor/event.h"
#include "predictor/expert.h"

namespace augurfs {

struct PrefetcherStats {
  std::uint64_t events = 0;          // taken from the queue
  std::uint64_t events_dropped = 0;  // oldest first, when the queue was full
  std::uint64_t candidates = 0;      // handed to the cache
  std::uint64_t refused = 0;         // the cache had no room for them
};

// Turns accesses into cache reads nobody waits for: record() puts an event into a bounded queue,
// a thread of the prefetcher's own feeds it to the experts and their candidates to the reader.
// Thread rule: record() and stats() from any thread; record() never blocks on the experts or the
// reader. `reader` is borrowed and outlives the prefetcher. The destructor stops and joins.
class Prefetcher {
 public:
  Prefetcher(ChunkReader& reader, std::vector<std::unique_ptr<Expert>> experts);
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  ~Prefetcher();

  void record(Event event);
  PrefetcherStats stats() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
