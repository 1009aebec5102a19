#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

#include "remote/guarded.h"

namespace augurfs {

// The wire that a local directory lacks: a round trip for each request, and one bandwidth that all
// transfers share. Thread rule: any thread; requests that wait, wait side by side.
class SlowLink {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // 0 for either means none.
  SlowLink(std::chrono::nanoseconds round_trip, double bits_per_second);

  // Both return false when a stop was requested before their time was over.
  bool round_trip(std::stop_token stop) const;
  bool transfer(std::uint64_t bytes, std::stop_token stop);

  // When `bytes` that enter the wire at `now`, behind all that entered before, have arrived.
  TimePoint arrival(std::uint64_t bytes, TimePoint now);

 private:
  const std::chrono::nanoseconds round_trip_;
  const double nanoseconds_per_byte_;
  Guarded<TimePoint> busy_until_;
};

}  // namespace augurfs
