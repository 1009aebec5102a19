#pragma once

#include "fs/command_line.h"
#include "fs/environment.h"

namespace augurfs {

// Says what became of a file's chunks. Returns the exit code; prints errors on stderr.
int run_explain(const ExplainCommand& command, const Environment& environment);

}  // namespace augurfs
