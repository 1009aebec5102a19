#pragma once

#include <chrono>
#include <cstdint>

namespace augurfs {

// Virtual time, since the start of a replay or of an event stream.
using Tick = std::chrono::nanoseconds;

inline std::uint64_t to_milliseconds(Tick time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

}  // namespace augurfs
