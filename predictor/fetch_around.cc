#include "predictor/fetch_around.h"

#include <algorithm>

namespace augurfs {
namespace {

// 64 MB a second and more, on one connection.
constexpr std::chrono::milliseconds kQuickMib{16};
// Small gaps are no jumps: what lies in them comes with the chunks around.
constexpr std::uint64_t kGapBytes = 1 << 20;
constexpr std::uint64_t kDoublingsMax = 5;
constexpr std::uint64_t kRoundTripsOfFound = 4;  // what a read that did not wait is worth
constexpr float kProbability = 0.5;  // as a reader who finds every second place makes it
constexpr std::chrono::seconds kExpectedIn{1};

}  // namespace

std::uint64_t bytes_of_round_trip(std::chrono::nanoseconds to_first_byte,
                                  std::chrono::nanoseconds per_mib) {
  if (per_mib > kQuickMib) return 0;
  const auto of_piece = std::max<std::int64_t>(per_mib.count() / 1024, 1);
  const auto kibibytes =
      static_cast<std::uint64_t>(std::max<std::int64_t>(to_first_byte.count() / of_piece, 0));
  return std::min(kibibytes * 1024, FetchAround::kAroundBytesMax / 4);
}

void FetchAround::observe(const Event& event, const Catalog& /*catalog*/,
                          std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead || event.range.length == 0) return;
  if (event.object_bytes <= kObjectBytesMin || event.range.offset >= event.object_bytes) return;
  if (event.object_bytes > options_.object_bytes_max()) return;
  Object& read = object(event);
  if (read.goes_on(event.range)) return;
  if (read.was_asked(event.range.offset)) {
    ++read.found;
    return;
  }
  if (event.hit || ++read.misses < kMissesToBegin) return;
  const std::uint64_t around = options_.around_bytes();
  if (around == 0) return;
  if (read.asked_bytes > kTrialBytes + read.found * kRoundTripsOfFound * around) return;
  const std::uint64_t doublings = std::min(read.found, kDoublingsMax);
  ask(read, event, std::clamp(around << doublings, kPieceBytes, kAroundBytesMax), candidates);
}

// As an object that nobody has read when it has not been read for long.
FetchAround::Object& FetchAround::object(const Event& event) {
  const auto found = by_id_.find(event.object);
  if (found == by_id_.end()) {
    objects_.emplace_front();
    by_id_[event.object] = objects_.begin();
  } else {
    objects_.splice(objects_.begin(), objects_, found->second);
  }
  Object& read = objects_.front();
  const bool anew = found == by_id_.end() || read.size_bytes != event.object_bytes ||
                    event.time - read.last_read > kForgottenAfter;
  if (anew) {
    read = {.id = event.object, .size_bytes = event.object_bytes};
    read.asked.resize((event.object_bytes + kPieceBytes - 1) / kPieceBytes);
  }
  read.last_read = event.time;
  if (objects_.size() > kObjectsMax) {
    by_id_.erase(objects_.back().id);
    objects_.pop_back();
  }
  return read;
}

// Whether it follows one of the last reads, which is others' to read ahead of.
bool FetchAround::Object::goes_on(const ByteRange& range) {
  const bool follows = std::any_of(ends.begin(), ends.end(), [&](std::uint64_t end) {
    return end != 0 && range.offset + kGapBytes >= end && range.offset <= end + kGapBytes;
  });
  ends.at(oldest_end) = range.offset + range.length;
  oldest_end = (oldest_end + 1) % ends.size();
  return follows;
}

bool FetchAround::Object::was_asked(std::uint64_t offset) const {
  return asked.at(offset / kPieceBytes);
}

// From the place of the read on up to what was asked for before, and then back from it.
void FetchAround::ask(Object& object, const Event& event, std::uint64_t bytes,
                      std::vector<Candidate>& candidates) {
  const std::uint64_t first = event.range.offset / kPieceBytes;
  std::uint64_t piece = first;
  const std::uint64_t end =
      std::min<std::uint64_t>(first + bytes / kPieceBytes, object.asked.size());
  for (; piece != end && !object.asked[piece]; ++piece) object.asked[piece] = true;
  std::uint64_t before = first;
  // No more than `bytes` in all.
  const std::uint64_t most = piece > bytes / kPieceBytes ? piece - bytes / kPieceBytes : 0;
  for (; before > most && !object.asked[before - 1]; --before) object.asked[before - 1] = true;
  for (const auto& [from, to] : {std::pair{first, piece}, std::pair{before, first}}) {
    if (from == to) continue;
    const std::uint64_t begin_bytes = from * kPieceBytes;
    const std::uint64_t end_bytes = std::min(to * kPieceBytes, object.size_bytes);
    object.asked_bytes += end_bytes - begin_bytes;
    candidates.push_back({.object = event.object,
                          .range = {begin_bytes, end_bytes - begin_bytes},
                          .probability = kProbability,
                          .expected_in = kExpectedIn,
                          .expert = ExpertId::kReadahead});
  }
}

}  // namespace augurfs
