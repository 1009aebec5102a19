#include "predictor/replay/foresight.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

namespace augurfs {

void Foresight::observe(const Event& event, std::vector<Wanted>& wanted) {
  constexpr std::size_t kNear = 64;
  const Tick now = std::chrono::duration_cast<Tick>(event.time.time_since_epoch());
  take(event.stream);
  look();
  // What was fetched too early may be gone: it is wanted again when it comes near.
  std::size_t at = 0;
  for (auto coming = coming_.begin(); at < kNear && coming != coming_.end(); ++at, ++coming) {
    if (coming->asked && std::has_single_bit(at + 1)) want(*coming, now, wanted);
  }
  // Streams that wait for each other's bytes drift from the order of the trace.
  if (const auto stream = streams_.find(event.stream); stream != streams_.end()) {
    const auto& own = stream->second.coming;
    for (std::size_t next = 0; next < std::min(own.size(), kNear); next = 2 * next + 1) {
      const bool fits = asked_bytes_ < options_.ahead_bytes_max;
      if (fits || own[next]->asked) want(*own[next], now, wanted);
    }
  }
  for (; ahead_ != coming_.end() && asked_bytes_ < options_.ahead_bytes_max; ++ahead_) {
    want(*ahead_, now, wanted);
  }
}

void Foresight::want(Coming& coming, Tick now, std::vector<Wanted>& wanted) {
  if (!std::exchange(coming.asked, true)) asked_bytes_ += coming.read.range.length;
  wanted.push_back(coming.read);
  // Never overdue, however long the readers are held up: what is due last shall make room.
  constexpr Tick kSlack = std::chrono::hours(1);
  wanted.back().due = now + kSlack + std::max(coming.read.due - coming_.front().read.due, Tick{});
}

// The next read of the stream has begun.
void Foresight::take(std::uint64_t id) {
  Stream& stream = streams_[id];
  if (stream.coming.empty()) {
    ++stream.begun_unseen;
    return;
  }
  const Order::iterator begun = stream.coming.front();
  if (begun->asked) asked_bytes_ -= begun->read.range.length;
  if (begun == ahead_) ++ahead_;
  coming_.erase(begun);
  stream.coming.pop_front();
  if (stream.coming.empty()) streams_.erase(id);
}

void Foresight::look() {
  TraceLine line;
  while (!at_end_ && coming_.size() < kAheadMax) {
    const auto more = future_->next(line);
    if (!more || !*more) {
      at_end_ = true;
      return;
    }
    if (line.operation != Operation::kRead) continue;
    clock_ = line.time ? *line.time
                       : clock_ + std::max<Tick>(options_.think, std::chrono::milliseconds(1));
    const Revealed revealed = reveal(line, nullptr, options_.chunk_bytes);
    ByteRange left = revealed.range;
    do {
      const std::uint64_t length = std::min(left.length, kReadBytesMax);
      Stream& stream = streams_[line.stream];
      if (stream.begun_unseen > 0) {
        if (--stream.begun_unseen == 0) streams_.erase(line.stream);
      } else {
        coming_.push_back(
            {{revealed.version, object_id(line.path), {left.offset, length}, clock_}});
        stream.coming.push_back(std::prev(coming_.end()));
        if (ahead_ == coming_.end()) ahead_ = std::prev(coming_.end());
      }
      left = {left.offset + length, left.length - length};
    } while (left.length > 0);
  }
}

}  // namespace augurfs
