#include "fs/watchdog.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "fs/mount_health.h"
#include "fs/mount_table.h"
#include "fs/unmount.h"
#include "remote/unique_fd.h"

namespace augurfs {
namespace {

constexpr char kGoodbye = 'x';

void detach_from_caller(int pipe) {
  ::prctl(PR_SET_NAME, "augurfs-watch");
  ::setsid();
  static_cast<void>(::chdir("/") == 0);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, stream);
  close_all_but(pipe);
  // Whoever ends the daemon's whole group by a signal means the daemon.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
}

// True when the daemon went without saying goodbye.
bool wait_for_death(int pipe) {
  char word = 0;
  ssize_t count = 0;
  do {
    count = ::read(pipe, &word, 1);
  } while (count < 0 && errno == EINTR);
  return count != 1 || word != kGoodbye;
}

[[noreturn]] void watch(const std::filesystem::path& mount_point, int pipe) {
  detach_from_caller(pipe);
  if (wait_for_death(pipe)) {
    // There is no answer while the kernel is still closing the daemon's files, which may take it
    // long when it has to write what they held.
    constexpr int kQuestionsMax = 60;
    MountHealth health = MountHealth::kSilent;
    for (int i = 0; i < kQuestionsMax && health == MountHealth::kSilent; ++i) {
      const auto entry = mount_on(mount_point);
      if (!entry || !entry->is_ours()) break;
      health = ask_mount(mount_point);
    }
    if (health == MountHealth::kDead) {
      static_cast<void>(unmount(mount_point, Detach::kLazily).has_value());
    }
  }
  ::_exit(0);
}

}  // namespace

Result<std::unique_ptr<Watchdog>> Watchdog::start(const std::filesystem::path& mount_point) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return Error{ErrorCode::kUnavailable, std::string("pipe: ") + std::strerror(errno)};
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[1]);
    watch(mount_point, pipe[0]);
  }
  ::close(pipe[0]);
  if (child < 0) {
    ::close(pipe[1]);
    return Error{ErrorCode::kUnavailable, std::string("fork: ") + std::strerror(errno)};
  }
  return std::unique_ptr<Watchdog>(new Watchdog(child, pipe[1]));
}

Watchdog::~Watchdog() {
  static_cast<void>(::write(pipe_, &kGoodbye, 1) == 1);
  ::close(pipe_);
  ::waitpid(process_, nullptr, 0);
}

}  // namespace augurfs
