#pragma once

#include <sys/types.h>

#include <chrono>

#include "remote/unique_fd.h"

namespace augurfs {

// A process that stays the same one even when its number is given to another.
class ProcessHandle {
 public:
  // Of no process, as of one that has ended, it holds that it has ended.
  explicit ProcessHandle(pid_t process);

  // Waits; whether it has ended, also when its parent does not know yet.
  bool ends_within(std::chrono::milliseconds time) const;

  // Sends a signal, to this process or to none.
  void signal(int number) const;

 private:
  UniqueFd descriptor_;
};

}  // namespace augurfs
