#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>

namespace augurfs {

// Time and chance as retries see them; tests pass their own.
struct RetryClock {
  RetryClock();

  std::function<std::chrono::steady_clock::time_point()> now;
  // False when `stop` came first.
  std::function<bool(std::chrono::milliseconds, std::stop_token)> sleep;
  std::function<double()> random;  // in [0, 1)
};

// The patience of one operation: exponential backoff with full jitter, at most `attempts` in a row
// without progress, and a deadline over all of them. Thread rule: one thread.
class Retry {
 public:
  Retry(std::chrono::milliseconds deadline, RetryClock clock);

  // After a failed attempt: sleeps, and true says that another one is worth it. False when
  // `attempts_max` have failed, when what is left of the deadline is less than the server asks to
  // wait (`retry_after`), or when asked to stop.
  bool wait(int attempts_max, std::optional<std::chrono::milliseconds> retry_after,
            const std::stop_token& stop);

  // Bytes arrived: attempts are counted anew, and the deadline moves by what the bytes have earned.
  void progressed(std::chrono::milliseconds earned) {
    failed_in_a_row_ = 0;
    deadline_ += earned;
  }

  std::chrono::milliseconds left() const;  // until the deadline; at least 0
  std::chrono::milliseconds elapsed() const;
  int attempts() const { return attempts_; }  // those that have failed

 private:
  const RetryClock clock_;
  const std::chrono::steady_clock::time_point start_;
  std::chrono::milliseconds deadline_;
  int attempts_ = 0;
  int failed_in_a_row_ = 0;
};

// Whether the same request may well succeed a little later.
bool is_transient(int http_status);

// The value of a Retry-After header: seconds, or a date.
std::optional<std::chrono::milliseconds> parse_retry_after(
    std::string_view value, std::chrono::system_clock::time_point now);

}  // namespace augurfs
