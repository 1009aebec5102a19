#include "predictor/replay/closed_loop.h"

#include <algorithm>
#include <utility>

namespace augurfs {

Result<bool> ClosedLoop::read_ahead() {
  if (ahead_) return true;
  if (at_end_) return false;
  TraceLine line;
  const auto got = reader_.next(line);
  if (!got) return got.error();
  at_end_ = !*got;
  if (at_end_) return false;
  if (line.time) {
    // A clock that jumped back, or a trace that begins anew, goes on from where it was.
    if (last_time_ && *line.time > *last_time_) clock_ += *line.time - *last_time_;
    last_time_ = line.time;
  }
  ahead_ = std::move(line);
  return true;
}

Result<std::optional<Tick>> ClosedLoop::next(std::optional<Tick> horizon) {
  while (pending_ < kPendingMax) {
    const auto more = read_ahead();
    if (!more) return more.error();
    if (!*more) break;
    if (!ahead_->time &&
        (!scheduled_.empty() || (!lanes_.empty() && lanes_.begin()->second.busy))) {
      break;
    }
    // A request is never issued before its recorded time, so what is recorded for later cannot come
    // between.
    std::optional<Tick> before = horizon;
    if (!scheduled_.empty() && (!before || scheduled_.top().issue < *before)) {
      before = scheduled_.top().issue;
    }
    if (ahead_->time && before && clock_ > *before) break;
    admit();
  }
  if (scheduled_.empty()) return std::nullopt;
  return std::max(scheduled_.top().issue, now_);
}

void ClosedLoop::admit() {
  const bool timed = ahead_->time.has_value();
  const std::uint64_t id = timed ? ahead_->stream : 0;
  if (!lanes_.contains(id)) forget_idle_lanes();
  Lane& lane = lanes_[id];
  Tick gap = timed ? clock_ : Tick{};  // of a lane's first line: since the start
  if (lane.recorded) gap = timed ? clock_ - *lane.recorded : think_;
  lane.recorded = clock_;
  lane.pending.emplace_back(gap, std::move(*ahead_));
  ahead_.reset();
  ++pending_;
  if (!lane.busy) schedule(id, lane);
}

void ClosedLoop::schedule(std::uint64_t id, Lane& lane) {
  lane.busy = !lane.pending.empty();
  if (!lane.busy) return;
  scheduled_.push({std::max(lane.done + lane.pending.front().first, now_), ++numbers_, id});
}

ClosedLoop::Request ClosedLoop::take() {
  const Scheduled first = scheduled_.top();
  scheduled_.pop();
  Lane& lane = lanes_.at(first.lane);
  now_ = std::max(now_, first.issue);
  Request request{first.lane, now_, std::move(lane.pending.front().second)};
  lane.pending.pop_front();
  --pending_;
  return request;
}

void ClosedLoop::done(std::uint64_t id, Tick now) {
  now_ = std::max(now_, now);
  Lane& lane = lanes_.at(id);
  lane.done = now;
  schedule(id, lane);
}

// A stream that has ended leaves nothing behind; one that had not begins anew at its recorded time.
void ClosedLoop::forget_idle_lanes() {
  if (lanes_.size() < kPendingMax) return;
  std::erase_if(lanes_, [](const auto& entry) { return !entry.second.busy; });
}

}  // namespace augurfs
