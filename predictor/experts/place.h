#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "predictor/expert.h"

namespace augurfs {

// What experts that know neither names nor bytes reason about: where a read begins, to the chunk,
// and how many chunks it takes. Two places are the same when they begin in the same chunk.
struct Place {
  ObjectId object{};
  std::uint32_t chunk = 0;
  std::uint32_t chunks = 0;  // 0: no place

  bool operator==(const Place& other) const {
    return object == other.object && chunk == other.chunk;
  }
  std::uint64_t key() const {
    constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
    return static_cast<std::uint64_t>(object) ^ (chunk * kOdd);
  }
};

inline Place place_of(const Event& event, std::uint32_t chunk_bytes) {
  if (event.range.length == 0) return {};
  const std::uint64_t first = event.range.offset / chunk_bytes;
  const std::uint64_t last = (event.range.offset + event.range.length - 1) / chunk_bytes;
  return {event.object, static_cast<std::uint32_t>(first),
          static_cast<std::uint32_t>(last - first + 1)};
}

inline Candidate candidate_for(const Place& place, std::uint32_t chunk_bytes, double probability,
                               std::chrono::nanoseconds expected_in, ExpertId expert) {
  const std::uint64_t bytes = chunk_bytes;
  return {.object = place.object,
          .range = {place.chunk * bytes, place.chunks * bytes},
          .probability = static_cast<float>(probability),
          .expected_in = expected_in,
          .expert = expert};
}

// What has followed something, and how often: the most frequent, more or less, of any number. A
// newcomer takes the place of the rarest once that has been worn down to it.
template <std::size_t size>
class Successors {
 public:
  struct Successor {
    Place place;
    std::uint32_t count = 0;
  };

  // True when all counts, the total too, were halved after it.
  bool add(const Place& place) {
    ++total_;
    auto* rarest = &successors_[0];
    for (Successor& successor : successors_) {
      if (successor.count > 0 && successor.place == place) {
        successor.place = place;  // with the length it had this time
        ++successor.count;
        return age();
      }
      if (successor.count < rarest->count) rarest = &successor;
    }
    if (rarest->count <= 1) {
      *rarest = {place, 1};
    } else {
      --rarest->count;
    }
    return age();
  }

  std::uint32_t total() const { return total_; }
  // Those with a count of 0 are empty.
  std::span<const Successor> all() const { return successors_; }
  const Successor& best() const {
    return *std::max_element(
        successors_.begin(), successors_.end(),
        [](const Successor& a, const Successor& b) { return a.count < b.count; });
  }

 private:
  // So that what was true long ago is outweighed by what is true now.
  static constexpr std::uint32_t kTotalMax = 64;

  bool age() {
    if (total_ < kTotalMax) return false;
    total_ /= 2;
    for (Successor& successor : successors_) successor.count /= 2;
    return true;
  }

  std::array<Successor, size> successors_{};
  std::uint32_t total_ = 0;
};

}  // namespace augurfs
