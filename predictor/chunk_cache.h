#pragma once

#include <cstdint>
#include <vector>

#include "cache/chunk_table.h"
#include "cache/eviction.h"
#include "predictor/tick.h"

namespace augurfs {

// What became of prefetched bytes. Each byte that was prefetched is in one account:
//   carried + prefetched = used + late + wasted + what ChunkCache still holds unused
struct Ledger {
  std::uint64_t carried_bytes = 0;     // held unused when counting began
  std::uint64_t prefetched_bytes = 0;  // arrived
  std::uint64_t used_bytes = 0;        // first read when it was there
  std::uint64_t late_bytes = 0;        // first read while it was on its way
  std::uint64_t wasted_bytes = 0;      // evicted unused, or not kept at all
};

// The mount's cache without its bytes: the same table of chunks, the same eviction, a quota.
// Thread rule: one thread at a time.
class ChunkCache {
 public:
  ChunkCache(std::uint64_t bytes_max, const EvictionOptions& eviction)
      : bytes_max_(bytes_max), eviction_(eviction) {}

  bool contains(ChunkId id) const { return chunks_.find(id) != ChunkTable::kNone; }
  // A reader reads it; false when it is not there.
  bool use(ChunkId id, Ledger& ledger);
  // It has arrived. `due`: when a prefetched chunk is expected to be read.
  void add(ChunkId id, std::uint32_t bytes, Origin origin, Tick now, Tick due, Ledger& ledger);

  std::uint64_t bytes() const { return bytes_; }
  std::size_t size() const { return chunks_.size(); }
  // Prefetched and not used yet.
  std::uint64_t unused_bytes() const { return unused_bytes_; }
  const EvictionStats& eviction_stats() const { return eviction_.stats(); }

 private:
  void evict(Origin cause, Ledger& ledger);

  const std::uint64_t bytes_max_;
  ChunkTable chunks_;
  std::vector<std::uint32_t> chunk_bytes_;  // by slot
  Eviction eviction_;
  std::uint64_t bytes_ = 0;
  std::uint64_t unused_bytes_ = 0;
};

}  // namespace augurfs
