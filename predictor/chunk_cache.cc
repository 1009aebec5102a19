#include "predictor/chunk_cache.h"

#include <utility>

namespace augurfs {

bool ChunkCache::use(ChunkId id, Ledger& ledger) {
  const std::uint32_t slot = chunks_.find(id);
  if (slot == ChunkTable::kNone) return false;
  eviction_.use(slot);
  if (std::exchange(chunks_[slot].awaited, false)) {
    ledger.used_bytes += chunk_bytes_[slot];
    unused_bytes_ -= chunk_bytes_[slot];
  }
  return true;
}

void ChunkCache::add(ChunkId id, std::uint32_t bytes, Origin origin, Tick now, Tick due,
                     Ledger& ledger) {
  if (bytes > bytes_max_) {
    if (origin == Origin::kPrefetch) ledger.wasted_bytes += bytes;
    return;
  }
  while (bytes_ + bytes > bytes_max_) evict(origin, ledger);
  const std::uint32_t slot = chunks_.insert(id);
  chunk_bytes_.resize(chunks_.slot_count());
  chunk_bytes_[slot] = bytes;
  bytes_ += bytes;
  if (origin == Origin::kPrefetch) {
    chunks_[slot].awaited = true;
    unused_bytes_ += bytes;
  }
  eviction_.add(slot, {.key = ChunkIdHash()(id),
                       .bytes = bytes,
                       .origin = origin,
                       .now_ms = to_milliseconds(now),
                       .due_ms = to_milliseconds(due)});
}

void ChunkCache::evict(Origin cause, Ledger& ledger) {
  const std::uint32_t slot = eviction_.evict(cause);
  bytes_ -= chunk_bytes_[slot];
  if (chunks_[slot].awaited) {
    ledger.wasted_bytes += chunk_bytes_[slot];
    unused_bytes_ -= chunk_bytes_[slot];
  }
  chunks_.erase(slot);
}

}  // namespace augurfs
