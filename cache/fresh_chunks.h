#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "cache/flight_table.h"

namespace augurfs {

// Which bytes have come from the store and were not handed out to a reader yet: what tells a read
// of the cache from the first read of what was fetched a moment before. Counts by page, so that
// pieces of a page count once. Thread rule: none; the owner guards it. Bounded: when there are more
// than kChunksMax chunks, the oldest is forgotten and counts as cached.
class FreshChunks {
 public:
  static constexpr std::size_t kChunksMax =
      16384;  // 4 GiB of 256 KiB each: four times the readahead
  static constexpr std::size_t kPageBytes = 4096;

  // The chunk is being fetched, perhaps again.
  void add(const ChunkKey& id, std::size_t chunk_bytes);
  // These bytes go to a reader; says how many of them are handed out for the first time.
  std::size_t hand_out(const ChunkKey& id, std::size_t offset, std::size_t bytes);

  std::size_t size() const { return places_.size(); }

 private:
  struct Chunk {
    ChunkKey id;
    std::vector<bool> new_pages;
    std::size_t new_pages_left = 0;
  };
  using Chunks = std::list<Chunk>;  // the oldest first

  Chunks chunks_;
  std::unordered_map<ChunkKey, Chunks::iterator, ChunkKeyHash> places_;
};

}  // namespace augurfs
