#include "cache/landings.h"

#include <utility>

namespace augurfs {
namespace {

std::optional<Version> take_first(std::deque<Version>& waiting) {
  if (waiting.empty()) return std::nullopt;
  Version first = std::move(waiting.front());
  waiting.pop_front();
  return first;
}

}  // namespace

void Landings::add(const Version& version, const Foreseen& foreseen) {
  if (options_.waiting_max == 0 || version.size > options_.object_bytes_max ||
      foreseen.probability < options_.probability_min) {
    return;
  }
  {
    auto waiting = waiting_.lock();
    if (!waiting->empty() && waiting->back() == version) return;  // its next chunk
    if (waiting->size() >= options_.waiting_max) waiting->pop_front();
    waiting->push_back(version);
  }
  added_.notify_one();
}

std::optional<Version> Landings::take() { return take_first(*waiting_.lock()); }

std::optional<Version> Landings::wait(const std::stop_token& stop) {
  auto waiting = waiting_.lock();
  added_.wait(waiting.mutex(), stop, [&] { return !waiting->empty(); });
  if (stop.stop_requested()) return std::nullopt;  // however much is waiting
  return take_first(*waiting);
}

}  // namespace augurfs
