#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>

#include "cache/flight_table.h"
#include "remote/result.h"

namespace augurfs {

// Which chunks the store has just failed to bring, after all its patience. The kernel asks twice
// for a page it does not get, first ahead of the reader and then for the page itself: without this
// memory a program would wait for the same failure twice. Thread rule: none; the owner guards it.
// Bounded: at most kFailuresMax, the oldest goes.
class RecentFailures {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kFailuresMax = 256;
  // Between two questions of the kernel lie milliseconds; a person who tries again takes longer.
  static constexpr std::chrono::milliseconds kKept{1'000};

  void add(const ChunkKey& id, const Error& error, Time now) {
    while (!failures_.empty() &&
           (failures_.size() >= kFailuresMax || now >= failures_.front().since + kKept)) {
      failures_.pop_front();
    }
    failures_.push_back({id, error, now});
  }

  std::optional<Error> find(const ChunkKey& id, Time now) const {
    for (auto failure = failures_.rbegin(); failure != failures_.rend(); ++failure) {
      if (now >= failure->since + kKept) return std::nullopt;
      if (failure->id == id) return failure->error;
    }
    return std::nullopt;
  }

 private:
  struct Failure {
    ChunkKey id;
    Error error;
    Time since;
  };
  std::deque<Failure> failures_;  // the oldest first
};

}  // namespace augurfs
