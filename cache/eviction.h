#pragma once

#include <cstdint>
#include <vector>

#include "cache/chunk_record.h"

namespace augurfs {

// Decides which chunk goes when room is needed. Knows chunks by the number of their slot in the
// ChunkTable and keeps 8 bytes for each; every call is O(1). Here: the least recently used goes
// first. What a better policy wants to know (why a chunk came) is told already.
// Thread rule: one thread at a time.
class Eviction {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  Eviction() : links_{Link{0, 0}} {}

  void add(std::uint32_t slot, Origin origin);
  void use(std::uint32_t slot);
  void remove(std::uint32_t slot);
  // The chunk to evict next, or kNone; it stays until removed.
  std::uint32_t victim() const;

 private:
  struct Link {
    std::uint32_t newer = 0;
    std::uint32_t older = 0;
  };

  // One ring through links_[0], which belongs to no slot; slot n is links_[n + 1].
  std::vector<Link> links_;
};

}  // namespace augurfs
