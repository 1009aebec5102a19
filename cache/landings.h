#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <stop_token>

#include "cache/prefetch_tally.h"
#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

struct LandingsOptions {
  std::size_t waiting_max = 0;  // 0: nothing is told
  std::uint64_t object_bytes_max = 0;
  float probability_min = 0;
};

// Objects of which a prefetch wants something that is in the cache: it has come, or was there
// already, and nobody has asked for it on its way. For who carries it further. Told are objects
// that are small and likely enough to be read; some of an object may still be missing.
// Thread rule: any thread. Bounded: of more than `waiting_max` the oldest is dropped.
class Landings {
 public:
  explicit Landings(const LandingsOptions& options) : options_(options) {}

  void add(const Version& version, const Foreseen& foreseen);
  // The oldest; nullopt when there is none.
  std::optional<Version> take();
  // Waits for one; nullopt when asked to stop.
  std::optional<Version> wait(const std::stop_token& stop);

 private:
  const LandingsOptions options_;
  Guarded<std::deque<Version>> waiting_;
  std::condition_variable_any added_;
};

}  // namespace augurfs
