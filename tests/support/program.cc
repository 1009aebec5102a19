#include "support/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "remote/unique_fd.h"

namespace augurfs {
namespace {

constexpr std::chrono::seconds kProgramPatience{60};
constexpr int kTookTooLong = 124;
constexpr int kNotStarted = 127;

// Pointers to what execve() wants; made before the fork, since a process with threads may allocate
// nothing between its fork and its exec.
class Words {
 public:
  explicit Words(std::vector<std::string> words) : words_(std::move(words)) {
    for (std::string& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
  }
  char* const* get() const { return pointers_.data(); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

[[noreturn]] void become(const Words& arguments, const Words& variables, int output, int errors) {
  ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execvpe(arguments.get()[0], arguments.get(), variables.get());
  ::_exit(kNotStarted);
}

// Reads both pipes to their ends; false when that takes too long.
bool read_all(std::array<int, 2> pipes, std::array<std::string*, 2> texts) {
  const auto deadline = std::chrono::steady_clock::now() + kProgramPatience;
  std::array<pollfd, 2> waiting{{{pipes[0], POLLIN, 0}, {pipes[1], POLLIN, 0}}};
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) <= 0) return false;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (waiting.at(i).fd < 0 || waiting.at(i).revents == 0) continue;
      std::array<char, 4096> bytes{};
      const ssize_t count = ::read(waiting.at(i).fd, bytes.data(), bytes.size());
      if (count > 0) texts.at(i)->append(bytes.data(), static_cast<std::size_t>(count));
      if (count <= 0) waiting.at(i).fd = -1;
    }
  }
  return true;
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& command,
                          const std::map<std::string, std::string>& environment) {
  std::array<int, 2> output{};
  std::array<int, 2> errors{};
  if (::pipe2(output.data(), O_CLOEXEC) != 0 || ::pipe2(errors.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe");
  }
  std::vector<std::string> settings;
  settings.reserve(environment.size());
  for (const auto& [name, value] : environment) {
    settings.push_back(name);
    settings.back().append("=").append(value);
  }
  const Words arguments(command);
  const Words variables(std::move(settings));
  const pid_t child = ::fork();
  if (child == 0) become(arguments, variables, output[1], errors[1]);
  ::close(output[1]);
  ::close(errors[1]);
  ProgramResult result;
  const bool ended = read_all({output[0], errors[0]}, {&result.output, &result.errors});
  ::close(output[0]);
  ::close(errors[0]);
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  constexpr int kSignalBase = 128;
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
  if (!ended) result.exit_code = kTookTooLong;
  return result;
}

bool process_ends(pid_t process, int* status) {
  const UniqueFd descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kProgramPatience);
  pollfd ended{descriptor.get(), POLLIN, 0};
  if (descriptor && ::poll(&ended, 1, static_cast<int>(patience.count())) != 1) return false;
  ::waitpid(process, status, 0);
  return true;
}

}  // namespace augurfs
