#include "fs/process_handle.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace augurfs {

// By number: the header of glibc 2.36 declares pidfd_open() as a function of C++.
ProcessHandle::ProcessHandle(pid_t process)
    : descriptor_(static_cast<int>(::syscall(SYS_pidfd_open, process, 0))) {}

bool ProcessHandle::ends_within(std::chrono::milliseconds time) const {
  if (!descriptor_) return true;
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd ended{descriptor_.get(), POLLIN, 0};
    const int happened = ::poll(&ended, 1, std::max(0, static_cast<int>(left.count())));
    if (happened >= 0 || errno != EINTR) return happened > 0;
  }
}

void ProcessHandle::signal(int number) const {
  if (descriptor_) ::syscall(SYS_pidfd_send_signal, descriptor_.get(), number, nullptr, 0);
}

}  // namespace augurfs
