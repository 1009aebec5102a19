#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>

#include "remote/result.h"

namespace augurfs {

// A small process beside the daemon that takes the mount away when the daemon dies without doing
// so itself, so that no dead mount stays behind a `kill -9` or a crash. It learns of the death by
// the end of a pipe.
//
// Our own rather than libfuse's auto_unmount: that one keeps fusermount3 running also for root,
// leaves its socket open to every program the daemon starts, and looks only once whether the mount
// is dead, which it need not be yet when the socket closes.
class Watchdog {
 public:
  // Forks; called before the process has threads or files that the watchdog should not hold.
  static Result<std::unique_ptr<Watchdog>> start(const std::filesystem::path& mount_point);

  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  // Tells the process that all is well and waits for its end.
  ~Watchdog();

 private:
  Watchdog(pid_t process, int pipe) : process_(process), pipe_(pipe) {}

  const pid_t process_;
  const int pipe_;
};

}  // namespace augurfs
