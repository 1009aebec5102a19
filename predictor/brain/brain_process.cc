#include "predictor/brain/brain_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

namespace augurfs {
namespace {

Error spawn_error(const std::string& what, int error_number) {
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  return {missing ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          what + ": " + std::generic_category().message(error_number)};
}

// What sanitizers are told, in builds that have them; nothing else of ours.
std::vector<std::string> brain_environment() {
  std::vector<std::string> variables;
  for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + "=" + value);
  }
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// posix_spawn and not fork: other threads hold locks that a copy of us would wait for.
int spawn(pid_t& process, std::vector<std::string> command, int socket, int errors) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, socket, kBrainSocketFd);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kBrainSocketFd + 1);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  // A session of its own: Ctrl-C at the daemon's terminal is the daemon's.
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  std::vector<std::string> environment = brain_environment();
  const auto arguments = pointers(command);
  const auto variables = pointers(environment);
  const int error = ::posix_spawn(&process, command.front().c_str(), &actions, &attributes,
                                  arguments.data(), variables.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

Result<BrainProcess> BrainProcess::start(const std::vector<std::string>& command) {
  auto sockets = PacketSocket::pair();
  if (!sockets) return sockets.error();
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) return spawn_error("pipe", errno);
  const UniqueFd writing(pipe[1]);
  BrainProcess brain(std::move(sockets->first), UniqueFd(pipe[0]));
  // Where the child gets them dup2 puts them, one by one; it must not step on the next.
  const UniqueFd socket(::fcntl(sockets->second.fd(), F_DUPFD_CLOEXEC, kBrainSocketFd + 1));
  const UniqueFd errors(::fcntl(writing.get(), F_DUPFD_CLOEXEC, kBrainSocketFd + 1));
  if (!socket || !errors) return spawn_error("descriptors", errno);
  const int error = spawn(brain.process_, command, socket.get(), errors.get());
  if (error != 0) {
    brain.process_ = -1;
    return spawn_error(command.front(), error);
  }
  // By its number: the header of glibc 2.36 declares pidfd_open for C alone.
  brain.ended_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, brain.process_, 0)));
  if (!brain.ended_) return spawn_error("cannot watch a process", errno);
  return brain;
}

BrainProcess::BrainProcess(BrainProcess&& other) noexcept
    : socket_(std::move(other.socket_)),
      errors_(std::move(other.errors_)),
      ended_(std::move(other.ended_)),
      process_(std::exchange(other.process_, -1)) {}

BrainProcess::~BrainProcess() {
  if (process_ > 0) end(std::chrono::milliseconds{0});
}

// The last line of what it wrote, in printable ASCII, cut to what fits into a message.
std::string BrainProcess::last_words() {
  constexpr std::size_t kPipeBytesMax = 1 << 16;
  constexpr std::size_t kLineBytesMax = 200;
  std::string text(kPipeBytesMax, '\0');
  const ssize_t count = ::read(errors_.get(), text.data(), text.size());
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  text.resize(text.find_last_not_of(" \t\r\n") + 1);
  std::string line = text.substr(text.rfind('\n') + 1, kLineBytesMax);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
}

std::string BrainProcess::end(std::chrono::milliseconds patience) {
  ::shutdown(socket_.fd(), SHUT_RDWR);
  pollfd ended{ended_.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(patience.count())) != 1) ::kill(process_, SIGKILL);
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  std::string how = WIFEXITED(status) ? "exited with " + std::to_string(WEXITSTATUS(status))
                                      : "was ended by signal " + std::to_string(WTERMSIG(status));
  if (const std::string words = last_words(); !words.empty()) how += ": " + words;
  return how;
}

}  // namespace augurfs
