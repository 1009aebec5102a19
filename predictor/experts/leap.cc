#include "predictor/experts/leap.h"

#include <algorithm>
#include <bit>

namespace augurfs {

void Leap::observe(const Event& event, const Catalog& /*catalog*/,
                   std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead || event.range.length == 0) return;
  const Place place = place_of(event, options_.chunk_bytes);
  Reader& reader = readers_.at(event.stream ^ static_cast<std::uint64_t>(event.object));
  const std::int64_t chunk = place.chunk;
  if (!reader.begun) {
    reader.begun = true;
    reader.last_chunk = chunk;
    return;
  }
  const std::int64_t delta = chunk - reader.last_chunk;
  if (delta == 0) return;
  reader.last_chunk = chunk;
  reader.deltas[reader.count++ % kHistory] = delta;
  if (event.hit) ++reader.hits;
  const auto found = trend(reader);
  if (!found) {
    reader.window = 0;
    return;
  }
  reader.window = next_window(reader, delta == *found);
  reader.hits = 0;
  const std::int64_t end = static_cast<std::int64_t>(
      (event.object_bytes + options_.chunk_bytes - 1) / options_.chunk_bytes);
  for (std::int64_t step = 1; step <= reader.window; ++step) {
    const std::int64_t next = chunk + step * *found;
    if (next < 0 || next >= end) break;
    candidates.push_back(candidate_for({place.object, static_cast<std::uint32_t>(next), 1},
                                       options_.chunk_bytes, 0.5, {}, ExpertId::kLeap));
  }
}

// Boyer and Moore's majority vote over the youngest deltas, with more and more of them.
std::optional<std::int64_t> Leap::trend(const Reader& reader) {
  const std::size_t known = std::min(reader.count, kHistory);
  for (std::size_t width = kYoungest;; width *= 2) {
    const std::size_t count = std::min(width, known);
    const auto delta = [&](std::size_t i) {
      return reader.deltas[(reader.count - 1 - i) % kHistory];
    };
    std::int64_t candidate = 0;
    std::size_t votes = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (votes == 0) candidate = delta(i);
      votes = delta(i) == candidate ? votes + 1 : votes - 1;
    }
    std::size_t of_candidate = 0;
    for (std::size_t i = 0; i < count; ++i) of_candidate += delta(i) == candidate ? 1 : 0;
    if (of_candidate > count / 2) return candidate;
    if (width >= known) return std::nullopt;
  }
}

std::int64_t Leap::next_window(const Reader& reader, bool on_trend) const {
  if (reader.hits == 0) {
    if (!on_trend) return reader.window / 2;
    return std::max<std::int64_t>(reader.window / 2, 1);
  }
  const auto grown = std::bit_ceil(static_cast<std::uint64_t>(reader.hits + 1));
  return std::clamp(static_cast<std::int64_t>(grown), reader.window, options_.window_max);
}

}  // namespace augurfs
