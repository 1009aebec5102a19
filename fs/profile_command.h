#pragma once

#include "fs/command_line.h"
#include "fs/environment.h"

namespace augurfs {

// Returns the exit code, of a recording that of what was run; prints errors on stderr.
int run_profile(const ProfileCommand& command, const Environment& environment);

}  // namespace augurfs
