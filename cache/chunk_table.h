#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/chunk_record.h"

namespace augurfs {

// All cached chunks, 48 bytes each plus a hash bucket, in numbered slots. A slot's number stays the
// same while its chunk is there, so that others (eviction, dirty marks) can refer to it by 4 bytes.
// Thread rule: one thread at a time.
class ChunkTable {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Slot {
    ChunkId id;
    std::uint32_t next = kNone;  // in the same bucket, or in the list of free slots
    std::uint32_t account = 0;   // of what is awaited: whose prefetch it was
    std::uint64_t checksum = 0;
    std::uint32_t last_use_s = 0;
    // Grows when the chunk goes: a slot number and its generation name one stay of one chunk.
    std::uint32_t generation = 0;
    Origin origin = Origin::kDemand;
    std::uint8_t frequency = 0;
    bool present = false;
    // Its bytes matched the checksum, and since before that its file is watched, or on the disk.
    bool verified = false;
    bool dirty = false;    // waits to be written to the index
    bool awaited = false;  // prefetched in this run and not read yet
  };

  // The slot of a chunk, or kNone.
  std::uint32_t find(ChunkId id) const;
  // `id` is not in the table.
  std::uint32_t insert(ChunkId id);
  void erase(std::uint32_t slot);

  Slot& operator[](std::uint32_t slot) { return slots_[slot]; }
  const Slot& operator[](std::uint32_t slot) const { return slots_[slot]; }
  std::size_t size() const { return size_; }
  // Slot numbers are below this; some of them may be free.
  std::uint32_t slot_count() const { return static_cast<std::uint32_t>(slots_.size()); }

 private:
  std::uint32_t& bucket(ChunkId id) { return buckets_[ChunkIdHash()(id) & (buckets_.size() - 1)]; }
  void grow();

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> buckets_;  // first slot of each; a power of two of them
  std::uint32_t free_ = kNone;
  std::size_t size_ = 0;
};

}  // namespace augurfs
