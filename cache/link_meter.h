#pragma once

#include <chrono>
#include <cstdint>

namespace augurfs {

// Whether one connection brings as much as many beside each other: where the link is what limits,
// it does, and one long request costs the store least; where a store gives each connection its
// share only, many are what helps. Measured, in samples of kSampleBytes, of all that comes in while
// one way or the other is gone. Thread rule: none; the owner guards it.
class LinkMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::uint64_t kSampleBytes = 16 << 20;
  // A link without a byte for so long was idle, and says nothing of its rate.
  static constexpr std::chrono::milliseconds kIdle{100};

  // So many bytes have arrived, by one long request or by one of many.
  void received(std::uint64_t bytes, bool by_long_haul, Time now);
  // `of_mib` is what a MiB of one request takes, which is known from the first few.
  bool one_is_enough(std::chrono::nanoseconds of_mib) const;

 private:
  double long_haul_rate_ = 0;  // bytes a second; 0: not known
  double many_rate_ = 0;
  bool by_long_haul_ = false;  // the sample under way
  std::uint64_t bytes_ = 0;
  Time began_;
  Time last_;
};

}  // namespace augurfs
