#pragma once

#include "fs/command_line.h"
#include "fs/environment.h"

namespace augurfs {

// Tells a mount of the reads that standard input names. The exit code: 1 when one was refused.
int run_hint(const HintCommand& command, const Environment& environment);

}  // namespace augurfs
