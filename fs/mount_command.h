#pragma once

#include "fs/command_line.h"

namespace augurfs {

// `augurfs mount`: returns when the mount answers, or has said on stderr why not and left nothing
// mounted and nothing running; with -f when it is unmounted. The exit code of the program.
int run_mount(const MountCommand& command, const Environment& environment);

}  // namespace augurfs
