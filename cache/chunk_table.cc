#include "cache/chunk_table.h"

namespace augurfs {

std::uint32_t ChunkTable::find(ChunkId id) const {
  if (buckets_.empty()) return kNone;
  std::uint32_t slot = buckets_[ChunkIdHash()(id) & (buckets_.size() - 1)];
  while (slot != kNone && !(slots_[slot].id == id)) slot = slots_[slot].next;
  return slot;
}

std::uint32_t ChunkTable::insert(ChunkId id) {
  if (size_ >= buckets_.size()) grow();
  std::uint32_t slot = free_;
  if (slot == kNone) {
    slot = slot_count();
    slots_.emplace_back();
  } else {
    free_ = slots_[slot].next;
  }
  Slot fresh;
  fresh.id = id;
  fresh.generation = slots_[slot].generation;
  fresh.present = true;
  fresh.next = bucket(id);
  slots_[slot] = fresh;
  bucket(id) = slot;
  ++size_;
  return slot;
}

void ChunkTable::erase(std::uint32_t slot) {
  std::uint32_t* link = &bucket(slots_[slot].id);
  while (*link != slot) link = &slots_[*link].next;
  *link = slots_[slot].next;
  slots_[slot].present = false;
  ++slots_[slot].generation;
  slots_[slot].next = free_;
  free_ = slot;
  --size_;
}

void ChunkTable::grow() {
  constexpr std::size_t kBucketsMin = 64;
  buckets_.assign(buckets_.empty() ? kBucketsMin : buckets_.size() * 2, kNone);
  for (std::uint32_t slot = 0; slot < slot_count(); ++slot) {
    if (!slots_[slot].present) continue;
    slots_[slot].next = bucket(slots_[slot].id);
    bucket(slots_[slot].id) = slot;
  }
}

}  // namespace augurfs
