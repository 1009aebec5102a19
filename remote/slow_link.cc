#include "remote/slow_link.h"

#include <algorithm>
#include <utility>

#include "remote/wait.h"

namespace augurfs {

SlowLink::SlowLink(std::chrono::nanoseconds round_trip, double bits_per_second)
    : round_trip_(round_trip),
      nanoseconds_per_byte_(bits_per_second > 0 ? 8e9 / bits_per_second : 0) {}

bool SlowLink::round_trip(std::stop_token stop) const {
  if (round_trip_.count() == 0) return !stop.stop_requested();
  return wait_until(std::chrono::steady_clock::now() + round_trip_, std::move(stop));
}

bool SlowLink::transfer(std::uint64_t bytes, std::stop_token stop) {
  if (nanoseconds_per_byte_ == 0) return !stop.stop_requested();
  return wait_until(arrival(bytes, std::chrono::steady_clock::now()), std::move(stop));
}

SlowLink::TimePoint SlowLink::arrival(std::uint64_t bytes, TimePoint now) {
  const std::chrono::nanoseconds takes{
      static_cast<std::int64_t>(static_cast<double>(bytes) * nanoseconds_per_byte_)};
  auto busy_until = busy_until_.lock();
  *busy_until = std::max(*busy_until, now) + takes;
  return *busy_until;
}

}  // namespace augurfs
