#pragma once

#include <array>
#include <cstdint>

#include "cache/chunk_record.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

// How far the probabilities that prefetches began with agree with the share of them that was used:
// the expected calibration error of M. P. Naeini et al., Obtaining well calibrated probabilities
// using Bayesian binning, AAAI 2015, over ten bins. A chunk that is not used by the end, or that
// was asked for longer ago than is remembered, counts as not used.
// Thread rule: one thread at a time.
class Calibration {
 public:
  void fetched(const ChunkId& chunk, float probability);
  void used(const ChunkId& chunk);  // whether or not it was prefetched

  // From 0 to 1, each bin weighed by its chunks; 0 when nothing was fetched.
  double error() const;

 private:
  static constexpr std::size_t kRemembered = 1 << 16;

  struct Bin {
    double said = 0;  // sum of probabilities
    std::uint64_t fetched = 0;
    std::uint64_t used = 0;
  };
  struct Promise {
    std::uint8_t bin = 0;
    bool open = false;
  };

  std::array<Bin, 10> bins_;
  RecencyTable<Promise> promises_{kRemembered};
};

}  // namespace augurfs
