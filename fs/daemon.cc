#include "fs/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "fs/print_error.h"
#include "fs/process_handle.h"
#include "remote/unique_fd.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// More than opening a store, a cache and a mount may take by their own limits.
constexpr std::chrono::seconds kReadyWithin{90};
constexpr std::chrono::seconds kEndWithin{10};  // once it has said why, or should have
constexpr char kReady = '+';  // what the child says; anything else is an error message

int finish(const Result<void>& served) {
  if (served) return 0;
  print_error(served.error().message);
  return 1;
}

void leave_terminal() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, stream);
  ::close(null);
}

// The child. Its stderr stays the caller's until it is ready, for what libraries print.
[[noreturn]] void serve_as_child(const Serve& serve, int parent) {
  ::setsid();
  static_cast<void>(::chdir("/") == 0);
  close_all_but(parent);
  bool is_ready = false;
  const auto ready = [&] {
    if (::send(parent, &kReady, 1, MSG_NOSIGNAL) != 1) return false;
    is_ready = true;
    leave_terminal();
    return true;
  };
  const Result<void> served = serve(ready);
  if (!served && !is_ready) {
    const std::string& message = served.error().message;
    static_cast<void>(::send(parent, message.data(), message.size(), MSG_NOSIGNAL) >= 0);
  }
  std::exit(served ? 0 : 1);
}

// What the child says, "" when it ends or has not said anything in time.
std::string hear(int child) {
  std::string said;
  const auto deadline = steady_clock::now() + kReadyWithin;
  while (said.empty() || said.front() != kReady) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
    pollfd waiting{child, POLLIN, 0};
    const int happened = left > 0 ? ::poll(&waiting, 1, static_cast<int>(left)) : 0;
    if (happened < 0 && errno == EINTR) continue;
    std::array<char, 4096> bytes{};
    const ssize_t count = happened > 0 ? ::read(child, bytes.data(), bytes.size()) : 0;
    if (count <= 0) break;
    said.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return said;
}

int wait_as_parent(pid_t child, int pipe) {
  const ProcessHandle daemon(child);
  const std::string said = hear(pipe);
  if (!said.empty() && said.front() == kReady) return 0;
  if (!daemon.ends_within(kEndWithin)) {
    // It is stuck. Its watchdog takes away what it may have mounted.
    ::kill(child, SIGTERM);
    if (!daemon.ends_within(kEndWithin)) ::kill(child, SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  print_error(!said.empty() ? said
                            : "the daemon ended, or did not get ready in time, without a word; its "
                              "log may say more");
  return 1;
}

}  // namespace

int run_in_background(const Serve& serve) {
  std::array<int, 2> sockets{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    print_error(std::string("socketpair: ") + std::strerror(errno));
    return 1;
  }
  const pid_t child = ::fork();
  if (child < 0) {
    print_error(std::string("fork: ") + std::strerror(errno));
    return 1;
  }
  if (child == 0) {
    ::close(sockets[0]);
    serve_as_child(serve, sockets[1]);
  }
  ::close(sockets[1]);
  return wait_as_parent(child, sockets[0]);
}

int run_in_foreground(const Serve& serve) {
  return finish(serve([] {
    ::sd_notify(0, "READY=1");  // does nothing when NOTIFY_SOCKET is not set
    return true;
  }));
}

}  // namespace augurfs
