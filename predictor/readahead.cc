#include "predictor/readahead.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

namespace augurfs {
namespace {

// Two reads can follow each other by chance or because the kernel cut one in two; not three.
constexpr std::uint64_t kReadsToBelieve = 3;
// Reads of one handle that may be under way at once and so overtake each other.
constexpr std::uint64_t kReadsInFlight = 4;
// With a piece belongs what is read so close behind it.
constexpr std::uint64_t kGapBytesMax = 1 << 20;
// A window is asked for in this many pieces: enough flights side by side to hide a round trip,
// and no piece so large that the reader would rather have had its tail from another flight.
constexpr std::uint64_t kPiecesPerWindow = 16;
constexpr std::uint64_t kPieceBytesMin = 1 << 20;
// More would be cut by the cache, or, with its smallest chunks, never fit into its queue.
constexpr std::uint64_t kPieceBytesMax = 4 << 20;

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a < b ? b - a : a - b; }

}  // namespace

bool Readahead::Sequence::believed() const { return reads_in_a_row >= kReadsToBelieve; }

std::chrono::nanoseconds Readahead::Sequence::time_to(
    std::uint64_t offset, std::chrono::steady_clock::time_point now) const {
  if (frontier <= begin || offset <= frontier || now <= began) return {};
  const std::chrono::duration<double, std::nano> passed = now - began;
  const auto time =
      passed * (static_cast<double>(offset - frontier) / static_cast<double>(frontier - begin));
  constexpr std::chrono::duration<double, std::nano> kTimeMax = std::chrono::hours{24};
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::min(time, kTimeMax));
}

void Readahead::observe(const Event& event, const Catalog& /*catalog*/,
                        std::vector<Candidate>& candidates) {
  ++events_;
  if (event.operation == Operation::kRelease) {
    const auto found = by_number_.find(event.handle);
    if (found != by_number_.end()) forget(found->second);
    return;
  }
  if (event.operation != Operation::kRead || event.range.length == 0) return;

  Handle& reader = handle(event.handle);
  if (event.object_bytes <= kFirstWindowBytes) {
    ask_for_whole(reader, event, candidates);
    return;
  }
  Sequence& sequence = follow(reader, event);
  const bool new_piece = reader.strides.follow(event.range);
  if (reader.strides.believed()) {
    if (new_piece) ask_pieces(reader.strides, event, candidates);
  } else if (sequence.believed()) {
    ask(sequence, event, candidates);
  }
}

bool Readahead::Strides::believed() const {
  constexpr std::uint64_t kPieceBytesMost = 4 << 20;  // of larger ones the first read tells in time
  return alike >= 2 && piece_bytes <= kPieceBytesMost;
}

bool Readahead::Strides::follow(const ByteRange& range) {
  const std::uint64_t range_end = range.offset + range.length;
  const std::uint64_t gap = std::max(kGapBytesMax, kReadsInFlight * range.length);
  if (end == 0 || (range.offset + gap >= begin && range.offset <= end + gap)) {
    begin = end == 0 ? range.offset : std::min(begin, range.offset);
    end = std::max(end, range_end);
    // Whoever reads on into what lies between does not leave it out.
    if (end - begin > piece_bytes) alike = 0;
    return false;
  }
  const auto now = static_cast<std::int64_t>(range.offset - begin);
  alike = now == stride ? alike + 1 : 1;
  asked = now == stride && asked > 0 ? asked - 1 : 0;
  stride = now;
  piece_bytes = end - begin;
  begin = range.offset;
  end = range_end;
  return true;
}

void Readahead::ask_pieces(Strides& strides, const Event& event,
                           std::vector<Candidate>& candidates) const {
  const std::uint64_t doublings = std::min<std::uint64_t>(strides.alike - 2, 3);
  const std::uint64_t bytes = std::max(strides.piece_bytes, event.range.length);
  const std::uint64_t pieces = std::min(std::min(std::uint64_t{2} << doublings, kPiecesAheadMax),
                                        window_bytes_max() / bytes);
  while (strides.asked < pieces) {
    const auto distance = static_cast<std::int64_t>(++strides.asked) * strides.stride;
    const std::uint64_t at = strides.begin + static_cast<std::uint64_t>(distance);  // or it wraps
    if (at >= event.object_bytes) return;
    candidates.push_back({.object = event.object,
                          .range = {at, std::min(bytes, event.object_bytes - at)},
                          .expert = ExpertId::kReadahead});
  }
}

void Readahead::ask_for_whole(Handle& handle, const Event& event,
                              std::vector<Candidate>& candidates) {
  if (std::exchange(handle.asked_for_whole, true)) return;
  const bool is_read = event.range.length >= event.object_bytes;
  if (is_read || window_bytes_max() == 0) return;
  candidates.push_back(
      {.object = event.object, .range = {0, event.object_bytes}, .expert = ExpertId::kReadahead});
}

Readahead::Handle& Readahead::handle(std::uint64_t number) {
  const auto found = by_number_.find(number);
  if (found != by_number_.end()) {
    handles_.splice(handles_.begin(), handles_, found->second);
    return handles_.front();
  }
  handles_.push_front({.number = number, .sequences = {}});
  by_number_[number] = handles_.begin();
  if (handles_.size() > std::max<std::size_t>(options_.handles_max, 1)) {
    forget(std::prev(handles_.end()));
  }
  return handles_.front();
}

void Readahead::forget(Handles::iterator handle) {
  for (const Sequence& sequence : handle->sequences) {
    if (sequence.believed()) --believed_;
  }
  by_number_.erase(handle->number);
  handles_.erase(handle);
}

bool Readahead::tolerates(const Sequence& sequence, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t gap = distance(offset, sequence.frontier);
  // Before it is believed only reads of about the same place count, or else a random reader of a
  // small file would look sequential soon.
  const std::uint64_t overtaking_max = kReadsInFlight * length;
  if (!sequence.believed()) return gap <= overtaking_max;
  if (offset < sequence.frontier) return gap <= std::max(kBackwardBytesMax, overtaking_max);
  return gap <= kForwardBytesMax || offset <= sequence.asked_end;
}

// The sequence that `event` goes on with, which is the nearest; a new one when none tolerates the
// gap.
Readahead::Sequence& Readahead::follow(Handle& handle, const Event& event) {
  const std::uint64_t offset = event.range.offset;
  Sequence* nearest = nullptr;
  for (Sequence& sequence : handle.sequences) {
    if (!tolerates(sequence, offset, event.range.length)) continue;
    if (nearest == nullptr ||
        distance(offset, sequence.frontier) < distance(offset, nearest->frontier)) {
      nearest = &sequence;
    }
  }
  if (nearest == nullptr) return start(handle, event);
  Sequence sequence = *nearest;
  handle.sequences.erase(handle.sequences.begin() + (nearest - handle.sequences.data()));
  advance(sequence, event);
  // Reads that overtook each other at the start may have begun two sequences where there is one.
  std::erase_if(handle.sequences, [&](const Sequence& other) {
    const std::uint64_t gap = distance(sequence.frontier, other.frontier);
    if (gap > kReadsInFlight * event.range.length) return false;
    if (sequence.believed() && other.believed()) --believed_;
    sequence.frontier = std::max(sequence.frontier, other.frontier);
    sequence.asked_end = std::max(sequence.asked_end, other.asked_end);
    sequence.window_bytes = std::max(sequence.window_bytes, other.window_bytes);
    sequence.reads_in_a_row = std::max(sequence.reads_in_a_row, other.reads_in_a_row);
    return true;
  });
  return handle.sequences.emplace_back(sequence);
}

// A new sequence, in the place of the one that is worth least when the handle has enough.
Readahead::Sequence& Readahead::start(Handle& handle, const Event& event) {
  if (handle.sequences.size() >= kSequencesMax) {
    const auto worth = [](const Sequence& sequence) {
      return std::pair(sequence.believed(), sequence.last_use);
    };
    const auto least =
        std::min_element(handle.sequences.begin(), handle.sequences.end(),
                         [&](const Sequence& a, const Sequence& b) { return worth(a) < worth(b); });
    if (least->believed()) --believed_;
    handle.sequences.erase(least);
  }
  Sequence& sequence = handle.sequences.emplace_back();
  sequence.began = event.time;
  sequence.begin = event.range.offset;
  sequence.frontier = event.range.offset + event.range.length;
  sequence.read_bytes = event.range.length;
  sequence.advanced_bytes = event.range.length;
  sequence.reads_in_a_row = event.range.offset == 0 ? kReadsToBelieve : 1;
  sequence.last_use = events_;
  if (sequence.believed()) ++believed_;
  return sequence;
}

void Readahead::advance(Sequence& sequence, const Event& event) {
  const std::uint64_t end = event.range.offset + event.range.length;
  if (++sequence.reads_in_a_row == kReadsToBelieve) ++believed_;
  sequence.last_use = events_;
  sequence.read_bytes += event.range.length;
  if (end > sequence.frontier) {
    sequence.advanced_bytes += end - sequence.frontier;
    sequence.frontier = end;
  }
}

// Fills the window once half of it is used up.
void Readahead::ask(Sequence& sequence, const Event& event, std::vector<Candidate>& candidates) {
  const std::uint64_t begin = std::max(sequence.asked_end, sequence.frontier);
  if (begin >= event.object_bytes) return;
  const std::uint64_t window_max = window_bytes_max();
  if (window_max == 0) return;
  const std::uint64_t ahead = begin - sequence.frontier;
  if (sequence.asked_end > 0) {
    if (ahead > sequence.window_bytes / 2) return;
    // A reader that skips more than it reads gains nothing from a larger window.
    const bool dense = sequence.read_bytes >= sequence.advanced_bytes / 2;
    if (dense) sequence.window_bytes *= 2;
  }
  sequence.window_bytes = std::min(sequence.window_bytes, window_max);
  if (ahead >= sequence.window_bytes) return;
  const std::uint64_t window_end =
      std::min(event.object_bytes, sequence.frontier + sequence.window_bytes);
  // Pieces end at multiples of their size, so that two of them never touch the same chunk; the
  // last may reach a piece beyond the window.
  const std::uint64_t piece = std::clamp(std::bit_floor(sequence.window_bytes / kPiecesPerWindow),
                                         kPieceBytesMin, kPieceBytesMax);
  std::uint64_t at = begin;
  while (at < window_end) {
    const std::uint64_t end = std::min((at / piece + 1) * piece, event.object_bytes);
    candidates.push_back({.object = event.object,
                          .range = {at, end - at},
                          .expected_in = sequence.time_to(at, event.time),
                          .expert = ExpertId::kReadahead});
    at = end;
  }
  sequence.asked_end = at;
  sequence.read_bytes = 0;
  sequence.advanced_bytes = 0;
}

// The share of one sequence of what all together may have ahead of them; 0 when that is too
// little to be of use.
std::uint64_t Readahead::window_bytes_max() const {
  const std::uint64_t share = options_.ahead_bytes_max() / std::max<std::uint64_t>(believed_, 1);
  const std::uint64_t bytes = std::min(options_.window_bytes_max, share);
  return bytes < kFirstWindowBytes ? 0 : bytes;
}

}  // namespace augurfs
