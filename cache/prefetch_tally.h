#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace augurfs {

// Whoever asks for a prefetch may name an account below this, on which it is booked; others are
// booked on account 0.
inline constexpr std::size_t kPrefetchAccountsMax = 4096;

// What is told of a prefetch when it is asked for.
struct Foreseen {
  std::uint32_t account = 0;                  // on which it is booked
  float probability = 1;                      // that it is read, as whoever asks believes
  std::chrono::steady_clock::time_point due;  // when it is read; a time that has passed: any moment
};

// What became of what was prefetched on one account, since the start: every byte of a chunk that
// was fetched to its end is in exactly one of the four.
struct PrefetchTally {
  std::uint64_t used_bytes = 0;      // there before they were asked for
  std::uint64_t late_bytes = 0;      // asked for while they were on their way
  std::uint64_t wasted_bytes = 0;    // evicted, damaged or not kept, and never asked for
  std::uint64_t resident_bytes = 0;  // cached, and not asked for yet
  std::uint64_t fetched_chunks = 0;
  std::uint64_t used_chunks = 0;
  std::chrono::nanoseconds fetch_time{};  // of all chunks: what a reader of one would have waited
  std::chrono::nanoseconds head_start{};  // of the late ones, before they were asked for

  std::uint64_t fetched_bytes() const {
    return used_bytes + late_bytes + wasted_bytes + resident_bytes;
  }
  // Estimated: a chunk used in time saves what a chunk took to fetch, a late one its head start.
  std::chrono::nanoseconds stall_saved() const {
    const auto fetched = static_cast<std::int64_t>(fetched_chunks);
    if (fetched == 0) return head_start;
    return fetch_time / fetched * static_cast<std::int64_t>(used_chunks) + head_start;
  }
  PrefetchTally& operator+=(const PrefetchTally& other) {
    used_bytes += other.used_bytes;
    late_bytes += other.late_bytes;
    wasted_bytes += other.wasted_bytes;
    resident_bytes += other.resident_bytes;
    fetched_chunks += other.fetched_chunks;
    used_chunks += other.used_chunks;
    fetch_time += other.fetch_time;
    head_start += other.head_start;
    return *this;
  }
};

}  // namespace augurfs
