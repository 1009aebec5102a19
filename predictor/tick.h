#pragma once

#include <chrono>

namespace augurfs {

// Virtual time, since the start of a replay or of an event stream.
using Tick = std::chrono::nanoseconds;

}  // namespace augurfs
