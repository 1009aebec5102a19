#pragma once

#include "fs/command_line.h"

namespace augurfs {

// `augurfs unmount`: unmounts and waits until the daemon is gone, so that its cache is free and
// its index written; the exit code of the program.
int run_unmount(const UnmountCommand& command, const Environment& environment);

}  // namespace augurfs
