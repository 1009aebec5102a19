#pragma once

#include <cstdint>
#include <cstdlib>

namespace augurfs {

// Which seeds a test of random operations tries: as many as usual, AUGURFS_TEST_SEEDS=n of them
// (label soak: 10,000), or only AUGURFS_TEST_SEED=n, to see again what failed.
struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 0;

  std::uint64_t end() const { return first + count; }
};

inline Seeds seeds(std::uint64_t usual_count) {
  constexpr int kDecimal = 10;
  if (const char* const only = std::getenv("AUGURFS_TEST_SEED")) {
    return {std::strtoull(only, nullptr, kDecimal), 1};
  }
  const char* const count = std::getenv("AUGURFS_TEST_SEEDS");
  return {1, count == nullptr ? usual_count : std::strtoull(count, nullptr, kDecimal)};
}

}  // namespace augurfs
