#include "remote/retry.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

#include "remote/dates.h"
#include "remote/wait.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;

// The first wait is up to this long; each further one up to twice as long as the one before.
constexpr milliseconds kBackoff{100};
constexpr milliseconds kBackoffMax{5'000};

bool sleep_for(milliseconds time, const std::stop_token& stop) {
  return wait_until(std::chrono::steady_clock::now() + time, stop);
}

double random_fraction() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

}  // namespace

RetryClock::RetryClock()
    : now(std::chrono::steady_clock::now), sleep(sleep_for), random(random_fraction) {}

Retry::Retry(milliseconds deadline, RetryClock clock)
    : clock_(std::move(clock)), start_(clock_.now()), deadline_(deadline) {}

bool Retry::wait(int attempts_max, std::optional<milliseconds> retry_after,
                 const std::stop_token& stop) {
  ++attempts_;
  ++failed_in_a_row_;
  if (failed_in_a_row_ >= attempts_max || stop.stop_requested()) return false;
  constexpr int kDoublingsMax = 16;
  const milliseconds bound =
      std::min(kBackoffMax, kBackoff * (1 << std::min(failed_in_a_row_ - 1, kDoublingsMax)));
  const auto jitter = std::chrono::duration_cast<milliseconds>(bound * clock_.random());
  // Jitter on top: all who were told the same number would come back in the same moment.
  const milliseconds pause = retry_after ? *retry_after + jitter : jitter;
  if (pause >= left()) return false;
  return clock_.sleep(pause, stop);
}

milliseconds Retry::left() const { return std::max(milliseconds{0}, deadline_ - elapsed()); }

milliseconds Retry::elapsed() const {
  return std::chrono::duration_cast<milliseconds>(clock_.now() - start_);
}

bool is_transient(int http_status) {
  switch (http_status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

std::optional<milliseconds> parse_retry_after(std::string_view value,
                                              std::chrono::system_clock::time_point now) {
  constexpr unsigned kSecondsMax = 24 * 3600;
  unsigned seconds = 0;
  const auto [end, error] = std::from_chars(value.begin(), value.end(), seconds);
  if (end == value.end() && !value.empty()) {
    const bool too_large = error == std::errc::result_out_of_range;
    return std::chrono::seconds(too_large ? kSecondsMax : std::min(seconds, kSecondsMax));
  }
  if (const auto date = parse_http_date(value)) {
    return std::max(milliseconds{0}, std::chrono::duration_cast<milliseconds>(*date - now));
  }
  return std::nullopt;
}

}  // namespace augurfs
