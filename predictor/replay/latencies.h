#pragma once

#include <cstdint>
#include <vector>

#include "predictor/replay/link.h"

namespace augurfs {

// How long reads waited, in buckets of 1.6 % width: memory does not depend on their number.
class Latencies {
 public:
  void add(Tick latency);
  // The time that this share of the reads did not exceed; 0 when there are none.
  Tick quantile(double share) const;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

}  // namespace augurfs
