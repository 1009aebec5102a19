#pragma once

#include "fs/command_line.h"

namespace augurfs {

// `augurfs status`: prints what each daemon tells of itself; the exit code of the program.
int run_status(const StatusCommand& command, const Environment& environment);

}  // namespace augurfs
