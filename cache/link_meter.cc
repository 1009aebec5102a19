#include "cache/link_meter.h"

namespace augurfs {
namespace {

constexpr double kQuickBytesPerS = 200e6;  // no reader needs more; trying others is not worth it
constexpr double kNearlyAsMuch = 0.8;      // requests saved are worth a fifth
// 64 MB a second by one connection: nothing far below is worth trying to do with one.
constexpr std::chrono::milliseconds kMibMax{16};

}  // namespace

void LinkMeter::received(std::uint64_t bytes, bool by_long_haul, Time now) {
  if (by_long_haul != by_long_haul_ || now - last_ > kIdle) {
    by_long_haul_ = by_long_haul;
    bytes_ = 0;
    began_ = now;
    last_ = now;
    return;
  }
  bytes_ += bytes;
  last_ = now;
  if (bytes_ < kSampleBytes || now == began_) return;
  const double rate =
      static_cast<double>(bytes_) / std::chrono::duration<double>(now - began_).count();
  double& known = by_long_haul ? long_haul_rate_ : many_rate_;
  known = known == 0 ? rate : (known + rate) / 2;
  bytes_ = 0;
  began_ = now;
}

bool LinkMeter::one_is_enough(std::chrono::nanoseconds of_mib) const {
  if (long_haul_rate_ == 0) return of_mib <= kMibMax;
  if (long_haul_rate_ >= kQuickBytesPerS) return true;
  return many_rate_ != 0 && long_haul_rate_ >= many_rate_ * kNearlyAsMuch;
}

}  // namespace augurfs
