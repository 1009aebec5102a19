#include "fs/mount_health.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "fs/process_handle.h"

namespace augurfs {
namespace {

constexpr int kDeadCode = 1;

// After a fork of a process with threads: nothing but system calls.
[[noreturn]] void ask(const char* directory) {
  // Whoever reads the output of this program does not wait for one that hangs.
  ::close_range(0, ~0U, 0);
  struct statx root {};
  // Forced, as the kernel answers from what it remembers otherwise.
  const int result = ::statx(AT_FDCWD, directory, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &root);
  ::_exit(result != 0 && (errno == ENOTCONN || errno == ECONNABORTED) ? kDeadCode : 0);
}

}  // namespace

MountHealth ask_mount(const std::filesystem::path& directory, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds kEndWithin{500};
  const pid_t child = ::fork();
  if (child == 0) ask(directory.c_str());
  if (child < 0) return MountHealth::kSilent;
  const ProcessHandle asker(child);
  const bool answered = asker.ends_within(patience);
  if (!answered) ::kill(child, SIGKILL);
  // One that does not end, its request being in the daemon's hands, ends with the daemon.
  int status = 0;
  if (answered || asker.ends_within(kEndWithin)) ::waitpid(child, &status, 0);
  if (!answered) return MountHealth::kSilent;
  const bool dead = WIFEXITED(status) && WEXITSTATUS(status) == kDeadCode;
  return dead ? MountHealth::kDead : MountHealth::kAnswers;
}

}  // namespace augurfs
