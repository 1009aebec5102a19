#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cache/chunk_record.h"

namespace augurfs {

// Why a chunk is gone.
struct Ghost {
  Origin cause = Origin::kDemand;  // what it made room for
  bool unused = false;             // it had been prefetched and nobody read it
  bool newcomer = false;           // it had been read but once since it came
};

// Chunks that were evicted not long ago, by a fingerprint of their key. The oldest are forgotten
// when there are more than the limit. A fingerprint of 32 bits is mistaken for another's once in
// some thousand times at a million ghosts, which costs a little order and nothing else.
// Thread rule: one thread at a time.
class Ghosts {
 public:
  void set_limit(std::size_t ghosts_max);
  void put(std::uint32_t fingerprint, const Ghost& ghost);
  // It came back: it is a ghost no more.
  std::optional<Ghost> take(std::uint32_t fingerprint);

 private:
  // Four places for each fingerprint; age is counted in ghosts that came after.
  static constexpr std::size_t kWays = 4;

  struct Entry {
    std::uint32_t fingerprint = 0;
    std::uint32_t number = 0;
    bool present = false;
    Ghost ghost;
  };

  bool remembered(const Entry& entry) const {
    return entry.present && next_number_ - entry.number <= limit_;
  }
  Entry* set_of(std::uint32_t fingerprint) {
    return &entries_[(fingerprint & (entries_.size() / kWays - 1)) * kWays];
  }
  void place(const Entry& entry);

  std::vector<Entry> entries_;  // a power of two
  std::uint32_t limit_ = 0;
  std::uint32_t next_number_ = 0;
};

}  // namespace augurfs
