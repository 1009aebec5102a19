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
// One file that is open already it may go on to read and write, up to a length: by pread, pwrite
// and fdatasync.
//
// Called before anything is parsed. The filter holds for threads that a library has started before;
// Landlock does not. An error: there is no sandbox, or half of one.
struct SandboxOptions {
  std::uint64_t memory_bytes_max = 0;
  int file = -1;  // none
  std::uint64_t file_bytes_max = 0;
};
Result<void> enter_sandbox(const SandboxOptions& options);

}  // namespace augurfs
