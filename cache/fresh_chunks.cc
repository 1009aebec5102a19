#include "cache/fresh_chunks.h"

#include <algorithm>
#include <iterator>

namespace augurfs {

void FreshChunks::add(const ChunkKey& id, std::size_t chunk_bytes) {
  const std::size_t pages = (chunk_bytes + kPageBytes - 1) / kPageBytes;
  if (const auto known = places_.find(id); known != places_.end()) {
    chunks_.erase(known->second);
    places_.erase(known);
  }
  chunks_.push_back({id, std::vector<bool>(pages, true), pages});
  places_.emplace(id, std::prev(chunks_.end()));
  if (places_.size() <= kChunksMax) return;
  places_.erase(chunks_.front().id);
  chunks_.pop_front();
}

std::size_t FreshChunks::hand_out(const ChunkKey& id, std::size_t offset, std::size_t bytes) {
  const auto found = places_.find(id);
  if (found == places_.end()) return 0;
  Chunk& chunk = *found->second;
  std::size_t fresh = 0;
  const std::size_t end = offset + bytes;
  for (std::size_t at = offset; at < end;) {
    const std::size_t page = at / kPageBytes;
    const std::size_t next = std::min(end, (page + 1) * kPageBytes);
    if (chunk.new_pages.at(page)) {
      chunk.new_pages[page] = false;
      --chunk.new_pages_left;
      fresh += next - at;
    }
    at = next;
  }
  if (chunk.new_pages_left == 0) {
    chunks_.erase(found->second);
    places_.erase(found);
  }
  return fresh;
}

}  // namespace augurfs
