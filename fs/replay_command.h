#pragma once

#include "fs/command_line.h"

namespace augurfs {

// `augurfs replay`: runs traces against policies on a virtual clock and prints what came of it; the
// exit code of the program.
int run_replay(const ReplayCommand& command);

}  // namespace augurfs
