#pragma once

#include <cstdint>

#include "remote/result.h"

namespace augurfs {

// For good and for all threads to come: this process may compute, and speak over the descriptors it
// has. It opens no file, makes no socket, starts no program, reaches no other process; what it
// tries fails with EPERM. Each of two layers would do: a filter of system calls, and Landlock where
// the kernel has it. It gets no privileges back, leaves no core behind (there are names in it), and
// of its own memory may have `memory_bytes_max`; in builds with sanitizers, which reserve
// terabytes, as much as it likes.
//
// Called before the first thread and before anything is parsed. An error: there is no sandbox, or
// half of one.
Result<void> enter_sandbox(std::uint64_t memory_bytes_max);

}  // namespace augurfs
