#include "predictor/recollection.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

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
  at_ = 0;
  const auto from = history_.newest(kEventsMax);
  const auto end = history_.newest(0);
  const bool known = from && end;
  if (!known) {
    spdlog::warn("history.not_read message={:?}", (from ? end : from).error().message);
  }
  cursor_ = known ? *from : HistoryCursor{};
  end_ = known ? end->after : 0;
  auto rows = static_cast<std::size_t>(end_ - cursor_.after);
  rows_.clear();
  std::vector<HistoryRow> seen;
  if (more()) std::swap(seen, rows_);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  rows_ = imported(seen.empty() ? std::chrono::duration_cast<HistoryTime>(now) : seen[0].time);
  rows += rows_.size();
  std::move(seen.begin(), seen.end(), std::back_inserter(rows_));
  auto state = state_.lock();
  state->keys = RecencyTable<std::string>(std::min(rows, kObjectsMax));
  state->over = rows == 0;
}

// What was imported is older than all that was seen here, whenever it was.
std::vector<HistoryRow> Recollection::imported(HistoryTime until) {
  constexpr std::uint64_t kNotOfHere = std::uint64_t{1} << 63U;
  Profile profile = history_.imported();
  const HistoryTime last = profile.rows.empty() ? HistoryTime{} : profile.rows.back().time;
  for (HistoryRow& row : profile.rows) {
    row.time += until - last;
    row.stream |= kNotOfHere;
  }
  return std::move(profile.rows);
}

// The next rows, in the place of those that were told; false when there are none.
bool Recollection::more() {
  at_ = 0;
  rows_.clear();
  if (cursor_.after >= end_) return false;
  const auto left = static_cast<std::size_t>(end_ - cursor_.after);
  auto rows = history_.read(cursor_, std::min(left, kRowsAtOnce));
  if (rows) rows_ = std::move(*rows);
  return !rows_.empty();
}

std::string Recollection::next() {
  std::string packet;
  while (true) {
    if (at_ == rows_.size()) {
      if (state_.lock()->over) break;
      if (!packet.empty()) return packet;  // the disk is asked while the brain thinks
      if (!more()) break;
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
  event.program = program_id(row.program);
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
