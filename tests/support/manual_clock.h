#pragma once

#include <atomic>
#include <chrono>
#include <functional>

namespace augurfs {

// A clock that moves only when a test says so. Starts away from zero, where real clocks are.
// Thread rule: any thread. Outlives the functions it gave out.
template <typename Clock>
class BasicManualClock {
 public:
  using TimePoint = typename Clock::time_point;
  using Duration = typename Clock::duration;

  explicit BasicManualClock(TimePoint start = TimePoint{std::chrono::hours{24 * 365 * 50}})
      : now_(start.time_since_epoch().count()) {}

  TimePoint now() const { return TimePoint{Duration{now_.load()}}; }
  void advance(Duration by) { now_ += by.count(); }

  // What the code under test takes as its clock.
  std::function<TimePoint()> function() const {
    return [this] { return now(); };
  }

 private:
  std::atomic<typename Duration::rep> now_;
};

using ManualClock = BasicManualClock<std::chrono::steady_clock>;
using ManualWallClock = BasicManualClock<std::chrono::system_clock>;

}  // namespace augurfs
