#include "remote/run_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "remote/unique_fd.h"

namespace augurfs {
namespace {

Error system_error(const std::string& what, int error_number) {
  return {ErrorCode::kUnavailable, what + ": " + std::generic_category().message(error_number)};
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;

  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
    return ::fcntl(read.get(), F_SETFL, O_NONBLOCK) == 0;
  }
};

// A child in a process group of its own. Whatever is left of the group dies with this object.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    wait();
  }

  Result<void> start(const std::string& command, const Pipe& output, const Pipe& messages);
  // Readable once the child has ended.
  int ended_fd() const { return ended_.get(); }
  // The status of the child, which has ended or is about to.
  int wait();

 private:
  pid_t pid_ = -1;
  UniqueFd ended_;
};

Result<void> ChildProcess::start(const std::string& command, const Pipe& output,
                                 const Pipe& messages) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output.write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, messages.write.get(), STDERR_FILENO);
  // A daemon blocks and ignores signals that an ordinary program counts on.
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::string shell = "sh";
  std::string flag = "-c";
  std::string text = command;
  const std::array<char*, 4> arguments{shell.data(), flag.data(), text.data(), nullptr};
  const int error =
      ::posix_spawn(&pid_, "/bin/sh", &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid_ = -1;
    return system_error("cannot start /bin/sh", error);
  }
  // By its number: the header of glibc 2.36 declares pidfd_open for C alone.
  ended_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!ended_) return system_error("cannot watch a process", errno);
  return {};
}

int ChildProcess::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  // What the child started and left behind is still in its group.
  ::kill(-pid_, SIGKILL);
  pid_ = -1;
  return status;
}

// Appends what there is to read, as much as a pipe can hold at most, so that a writer without end
// does not keep us from looking at the clock. True at the end of the pipe.
bool drain(const UniqueFd& pipe, std::string& text) {
  constexpr int kReadsMax = 256;  // of 4 KiB: the largest pipe an ordinary user can have
  std::array<char, 4096> buffer{};
  for (int reads = 0; reads < kReadsMax; ++reads) {
    const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return false;
}

// The last line with printable ASCII in it, cut to what fits into a message.
std::string last_line(std::string_view text) {
  constexpr std::size_t kLineBytesMax = 200;
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return "";
  text = text.substr(0, end + 1);
  std::string line(text.substr(text.rfind('\n') + 1).substr(0, kLineBytesMax));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
}

Result<void> check(int status, const std::string& messages) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::string message = WIFEXITED(status)
                            ? "exited with " + std::to_string(WEXITSTATUS(status))
                            : "was ended by signal " + std::to_string(WTERMSIG(status));
  if (const std::string line = last_line(messages); !line.empty()) message += ": " + line;
  return Error{ErrorCode::kDenied, message};
}

}  // namespace

Result<std::string> run_command(const std::string& command, const CommandLimits& limits,
                                std::stop_token stop) {
  constexpr std::size_t kMessageBytesMax = 4096;  // only the last line is of interest
  const UniqueFd stopped(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  Pipe output;
  Pipe messages;
  if (!stopped || !output.open() || !messages.open()) return system_error("no pipe", errno);
  const std::stop_callback wake(stop, [&] { ::eventfd_write(stopped.get(), 1); });

  const auto deadline = std::chrono::steady_clock::now() + limits.timeout;
  ChildProcess child;
  if (auto started = child.start(command, output, messages); !started) return started.error();
  output.write = UniqueFd();
  messages.write = UniqueFd();

  std::string out;
  std::string err;
  std::array<pollfd, 4> fds{pollfd{stopped.get(), POLLIN, 0}, pollfd{child.ended_fd(), POLLIN, 0},
                            pollfd{output.read.get(), POLLIN, 0},
                            pollfd{messages.read.get(), POLLIN, 0}};
  for (bool ended = false; !ended;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return Error{ErrorCode::kTimeout,
                   "took longer than " + std::to_string(limits.timeout.count()) + " ms"};
    }
    constexpr std::chrono::milliseconds kWaitMax{60'000};  // poll counts in an int
    const int ready =
        ::poll(fds.data(), fds.size(), static_cast<int>(std::min(left, kWaitMax).count()));
    if (ready < 0 && errno != EINTR) return system_error("poll", errno);
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "cancelled"};
    // Asked before the pipes are drained: what it wrote before its end is in them by now.
    ended = ready > 0 && fds[1].revents != 0;
    // A negative descriptor is one that poll leaves out.
    if (drain(output.read, out)) fds[2].fd = -1;
    if (out.size() > limits.output_bytes_max) {
      return Error{ErrorCode::kInvalid,
                   "wrote more than " + std::to_string(limits.output_bytes_max) + " bytes"};
    }
    if (drain(messages.read, err)) fds[3].fd = -1;
    if (err.size() > kMessageBytesMax) err.erase(0, err.size() - kMessageBytesMax);
  }
  if (auto succeeded = check(child.wait(), err); !succeeded) return succeeded.error();
  return out;
}

}  // namespace augurfs
