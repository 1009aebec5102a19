#pragma once

#include <atomic>
#include <chrono>
#include <functional>

#include "remote/guarded.h"

namespace augurfs {

// Keeps a disk that errs out of the way: after kFailuresMax failures in a row nothing is allowed
// for kRetryAfter, then one attempt, whose outcome decides. Thread rule: any thread; allows() of a
// healthy disk costs one atomic load.
class CircuitBreaker {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  static constexpr int kFailuresMax = 5;
  static constexpr std::chrono::seconds kRetryAfter{10};

  // `what` is named in log lines: "read", "write".
  CircuitBreaker(const char* what, Clock now) : what_(what), now_(std::move(now)) {}

  bool healthy() const { return !open_.load(std::memory_order_relaxed); }
  bool allows();
  void succeeded();
  void failed(const std::string& reason);

 private:
  const char* const what_;
  const Clock now_;
  std::atomic<bool> open_{false};
  std::atomic<int> failures_{0};
  Guarded<std::chrono::steady_clock::time_point> retry_at_;
};

}  // namespace augurfs
