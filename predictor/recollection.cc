#include "predictor/recollection.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "predictor/brain/protocol.h"

namespace augurfs {
namespace {

constexpr std::size_t kRowsAtOnce = 512;

std::uint64_t number(ObjectId id) { return static_cast<std::uint64_t>(id); }

// Numbers of streams begin at 1 in each history; those of a mount are hashes.
std::uint64_t stream_id(std::uint64_t number) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  return number * kOdd;
}

}  // namespace

Recollection::Recollection(History& history) : history_(history) {}

void Recollection::begin() {
  using std::chrono::nanoseconds;
  to_steady_ =
      std::chrono::duration_cast<nanoseconds>(std::chrono::steady_clock::now().time_since_epoch() -
                                              std::chrono::system_clock::now().time_since_epoch());
  told_.clear();
  rows_.clear();
  at_ = 0;
  const auto from = history_.newest(kEventsMax);
  const auto end = history_.newest(0);
  const bool known = from && end;
  if (!known) {
    spdlog::warn("history.not_read message={:?}", (from ? end : from).error().message);
  } else {
    cursor_ = *from;
    end_ = end->after;
  }
  const auto rows = static_cast<std::size_t>(known ? end_ - cursor_.after : 0);
  auto state = state_.lock();
  state->keys = RecencyTable<std::string>(std::min(rows, kObjectsMax));
  state->over = rows == 0;
}

std::string Recollection::next() {
  std::string packet;
  while (true) {
    if (at_ == rows_.size()) {
      if (cursor_.after >= end_ || state_.lock()->over) break;
      if (!packet.empty()) return packet;  // the disk is asked while the brain thinks
      const auto left = static_cast<std::size_t>(end_ - cursor_.after);
      auto rows = history_.read(cursor_, std::min(left, kRowsAtOnce));
      at_ = 0;
      rows_ = rows ? std::move(*rows) : std::vector<HistoryRow>{};
      if (rows_.empty()) break;
    }
    const std::string told = records(rows_[at_]);
    if (!packet.empty() && packet.size() + told.size() > kPacketBytesMax) return packet;
    packet += told;
    ++at_;
  }
  if (packet.empty()) state_.lock()->over = true;
  return packet;
}

// The event, and before it what its id stands for.
std::string Recollection::records(const HistoryRow& row) {
  if (row.path.size() > kToldKeyBytesMax) return {};
  Event event;
  const auto time = std::chrono::nanoseconds(row.time) + to_steady_;
  event.time = std::chrono::steady_clock::time_point(time);
  event.operation = row.operation;
  event.hit = row.hit;
  event.by_kernel_readahead = row.by_kernel_readahead;
  event.past = true;
  event.stream = row.stream == 0 ? 0 : stream_id(row.stream);
  event.program = row.program.empty() ? 0 : number(object_id(row.program));
  event.object = object_id(row.path);
  event.object_bytes = row.object_bytes;
  event.range = row.range;
  event.latency = row.latency;
  std::string out;
  if (row.operation != Operation::kList) {
    const auto told = told_.find(event.object);
    if (told == told_.end() || told->second != row.object_bytes) {
      if (told_.size() >= kObjectsMax) told_.clear();  // and told again
      told_[event.object] = row.object_bytes;
      out = encode(DaemonRecord(ObjectNews{row.path, row.object_bytes}));
    }
    auto state = state_.lock();
    if (!state->over) state->keys.at(number(event.object)) = row.path;
  }
  return out + encode(DaemonRecord(event));
}

std::optional<std::string> Recollection::key(ObjectId object) const {
  auto state = state_.lock();
  const std::string* found = state->keys.find(number(object));
  return found == nullptr ? std::nullopt : std::optional(*found);
}

void Recollection::forget() { *state_.lock() = State{}; }

}  // namespace augurfs
