#pragma once

#include <functional>

#include "remote/result.h"

namespace augurfs {

// What a daemon does: serves until it is told to end, and calls `ready` once when it can be used.
// False from `ready` means that nobody waits for it any more: it should end.
using Ready = std::function<bool()>;
using Serve = std::function<Result<void>(const Ready& ready)>;

// Both return the exit code of the command and print an error as one line on stderr.

// Serves in a process and session of its own and returns when that is ready, or says why it is
// not and has ended. Called before any thread is started.
int run_in_background(const Serve& serve);

// Serves here; ready is told to systemd, when it listens.
int run_in_foreground(const Serve& serve);

}  // namespace augurfs
