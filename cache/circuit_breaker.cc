#include "cache/circuit_breaker.h"

#include <spdlog/spdlog.h>

namespace augurfs {

bool CircuitBreaker::allows() {
  if (healthy()) return true;
  auto retry_at = retry_at_.lock();
  const auto now = now_();
  if (now < *retry_at) return false;
  *retry_at = now + kRetryAfter;  // the others wait for the outcome of this attempt
  return true;
}

void CircuitBreaker::succeeded() {
  if (failures_.load(std::memory_order_relaxed) == 0) return;
  failures_.store(0, std::memory_order_relaxed);
  if (open_.exchange(false)) spdlog::info("cache.disk_recovered operation={}", what_);
}

void CircuitBreaker::failed(const std::string& reason) {
  spdlog::warn("cache.disk_error operation={} reason={:?}", what_, reason);
  if (failures_.fetch_add(1, std::memory_order_relaxed) + 1 < kFailuresMax) return;
  *retry_at_.lock() = now_() + kRetryAfter;
  if (!open_.exchange(true)) {
    spdlog::error("cache.disk_out operation={} retry_after_s={}", what_, kRetryAfter.count());
  }
}

}  // namespace augurfs
