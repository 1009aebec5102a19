#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace augurfs {

// A map of at most `entries_max` entries: a key has eight places, and of those the one least
// recently used makes room. Any call is O(1). Memory is taken as keys come, and never more than for
// all. Thread rule: one thread at a time.
template <typename Value>
class RecencyTable {
 public:
  explicit RecencyTable(std::size_t entries_max)
      : set_mask_(std::bit_ceil(std::max(entries_max, kWays)) / kWays - 1),
        blocks_(set_mask_ / kSetsABlock + 1) {}

  // Null when it is not there. A pointer is valid until the next at().
  Value* find(std::uint64_t key) {
    const std::size_t place = place_of(key);
    Block& block = blocks_[place / kSetsABlock];
    if (block.empty()) return nullptr;
    Set& set = block[place % kSetsABlock];
    for (std::size_t way = 0; way < kWays; ++way) {
      if (set.keys[way] != key || set.used[way] == 0) continue;
      set.used[way] = ++clock_;
      return &set.values[way];
    }
    return nullptr;
  }

  // Made anew when it is not there.
  Value& at(std::uint64_t key) {
    if (Value* const found = find(key)) return *found;
    const std::size_t place = place_of(key);
    Block& block = blocks_[place / kSetsABlock];
    if (block.empty()) block.resize(kSetsABlock);
    Set& set = block[place % kSetsABlock];
    const auto oldest = std::min_element(set.used.begin(), set.used.end());
    const auto way = static_cast<std::size_t>(oldest - set.used.begin());
    set.keys[way] = key;
    set.used[way] = ++clock_;
    set.values[way] = Value{};
    return set.values[way];
  }

 private:
  static constexpr std::size_t kWays = 8;

  // Keys side by side, so that a search reads one line of the processor's cache.
  struct Set {
    std::array<std::uint64_t, kWays> keys{};
    std::array<std::uint64_t, kWays> used{};  // 0: free
    std::array<Value, kWays> values{};
  };

  static constexpr std::size_t kSetsABlock = 32;
  using Block = std::vector<Set>;  // empty until it is needed

  // The number of the set.
  std::size_t place_of(std::uint64_t key) const {
    constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
    const std::uint64_t mixed = key * kOdd;
    return (mixed ^ (mixed >> 32U)) & set_mask_;
  }

  std::size_t set_mask_;
  std::vector<Block> blocks_;
  std::uint64_t clock_ = 0;
};

}  // namespace augurfs
