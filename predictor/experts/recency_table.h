#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace augurfs {

// A map of at most `entries_max` entries in memory that never grows: a key has eight places, and of
// those the one least recently used makes room. Any call is O(1).
// Thread rule: one thread at a time.
template <typename Value>
class RecencyTable {
 public:
  explicit RecencyTable(std::size_t entries_max)
      : entries_(std::bit_ceil(std::max(entries_max, kWays))) {}

  // Null when it is not there. A pointer is valid until the next at().
  Value* find(std::uint64_t key) {
    Entry* const set = set_of(key);
    for (Entry* entry = set; entry != set + kWays; ++entry) {
      if (entry->used == 0 || entry->key != key) continue;
      entry->used = ++clock_;
      return &entry->value;
    }
    return nullptr;
  }

  // Made anew when it is not there.
  Value& at(std::uint64_t key) {
    if (Value* const found = find(key)) return *found;
    Entry* const set = set_of(key);
    Entry* const entry = std::min_element(
        set, set + kWays, [](const Entry& a, const Entry& b) { return a.used < b.used; });
    *entry = {key, ++clock_, Value{}};
    return entry->value;
  }

 private:
  static constexpr std::size_t kWays = 8;

  struct Entry {
    std::uint64_t key = 0;
    std::uint64_t used = 0;  // 0: free
    Value value{};
  };

  Entry* set_of(std::uint64_t key) {
    constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
    const std::uint64_t mixed = key * kOdd;
    return &entries_[((mixed ^ (mixed >> 32U)) & (entries_.size() / kWays - 1)) * kWays];
  }

  std::vector<Entry> entries_;
  std::uint64_t clock_ = 0;
};

}  // namespace augurfs
