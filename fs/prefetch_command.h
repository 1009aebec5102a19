#pragma once

#include "fs/command_line.h"
#include "fs/environment.h"

namespace augurfs {

// Returns the exit code; prints errors on stderr.
int run_prefetch(const PrefetchCommand& command, const Environment& environment);

}  // namespace augurfs
