#include "predictor/replay/latencies.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace augurfs {
namespace {

constexpr unsigned kSubBits = 6;  // 64 buckets for each power of two

std::size_t bucket_of(std::uint64_t ns) {
  if (ns < (1U << kSubBits)) return static_cast<std::size_t>(ns);
  const auto shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - kSubBits;
  return (static_cast<std::size_t>(shift) << kSubBits) + static_cast<std::size_t>(ns >> shift);
}

// The largest value of a bucket.
std::uint64_t limit_of(std::size_t bucket) {
  if (bucket < (2U << kSubBits)) return bucket;
  const std::size_t shift = (bucket >> kSubBits) - 1;
  const std::uint64_t mantissa = bucket - (shift << kSubBits);
  return ((mantissa + 1) << shift) - 1;
}

}  // namespace

void Latencies::add(Tick latency) {
  const std::size_t bucket =
      bucket_of(static_cast<std::uint64_t>(std::max<Tick::rep>(latency.count(), 0)));
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  ++counts_[bucket];
  ++total_;
}

Tick Latencies::quantile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
  std::uint64_t counted = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    counted += counts_[bucket];
    if (counted >= wanted && counted > 0) return Tick(static_cast<Tick::rep>(limit_of(bucket)));
  }
  return Tick{};
}

}  // namespace augurfs
