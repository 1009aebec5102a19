#include "fs/profile_command.h"

#include <fcntl.h>
#include <spawn.h>
#include <spdlog/fmt/fmt.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "fs/admin_socket.h"
#include "fs/mount_point.h"
#include "fs/print_error.h"
#include "fs/profile_report.h"
#include "fs/running_mounts.h"
#include "predictor/profile_file.h"
#include "remote/small_file.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kYes = "1";
constexpr const char* kNo = "0";

Result<std::string> read_file(const fs::path& file) {
  auto bytes = read_small_file(file, kProfileBytesMax);
  if (!bytes) return bytes.error();
  if (!*bytes) return Error{ErrorCode::kNotFound, file.string() + ": No such file or directory"};
  return std::move(**bytes);
}

Result<Profile> read(const fs::path& file) {
  const auto bytes = read_file(file);
  if (!bytes) return bytes.error();
  return unpack(*bytes, file.string());
}

// To a file, or to standard output when none is named.
Result<void> deliver(const std::string& bytes, const std::optional<fs::path>& file) {
  if (file) return write_small_file(*file, bytes);
  if (::isatty(STDOUT_FILENO) != 0) {
    return Error{ErrorCode::kInvalid, "a profile is nothing to look at: say --output FILE"};
  }
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() &&
                       std::fflush(stdout) == 0;
  if (written || errno == EPIPE) return {};
  return Error{ErrorCode::kUnavailable, "cannot write the profile to standard output"};
}

// Below the mount, with or without the mount point in front.
Result<std::string> relative(std::string under, const std::optional<fs::path>& directory) {
  if (directory) {
    const auto mount_point = resolve_mount_point(*directory);
    if (!mount_point) return mount_point.error();
    const std::string before = mount_point->string() + "/";
    if (under.starts_with(before)) under.erase(0, before.size());
  }
  const bool is_directory = under.empty() || under.ends_with('/');
  const auto fault = fault_of_path(under, is_directory ? Operation::kList : Operation::kOpen);
  if (!fault.empty()) return Error{ErrorCode::kInvalid, "--under: the path " + std::string(fault)};
  return under;
}

Result<std::string> socket_of(const ProfileCommand& command, const Environment& environment) {
  const auto socket = mount_socket(command.directory, environment);
  if (!socket) return socket.error();
  return socket->string();
}

Result<void> give(const ProfileCommand& command, const Environment& environment) {
  const auto socket = socket_of(command, environment);
  if (!socket) return socket.error();
  const auto under = relative(command.under, command.directory);
  if (!under) return under.error();
  AdminParameters parameters{
      {"programs", command.programs}, {"under", *under}, {"source", command.source ? kYes : kNo}};
  if (command.age) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*command.age);
    parameters["seconds"] = std::to_string(seconds.count());
  }
  const auto bytes = ask_daemon(*socket, "/profile/export", parameters);
  if (!bytes) return bytes.error();
  const auto profile = unpack(*bytes, "the daemon's answer");
  if (!profile) return profile.error();
  if (profile->rows.empty()) {
    return Error{ErrorCode::kInvalid,
                 "nothing is known of that; augurfs history show says of what"};
  }
  return deliver(*bytes, command.output);
}

Result<void> take(const ProfileCommand& command, const Environment& environment) {
  const auto socket = socket_of(command, environment);
  if (!socket) return socket.error();
  const fs::path& file = command.files.front();
  const auto bytes = read_file(file);
  if (!bytes) return bytes.error();
  const auto said = ask_daemon(
      *socket, "/profile/import",
      {{"body", *bytes}, {"name", file.string()}, {"force", command.force ? kYes : kNo}});
  if (!said) return said.error();
  fmt::print("{}", *said);
  return {};
}

Result<void> join(const ProfileCommand& command) {
  Profile all;
  for (const fs::path& file : command.files) {
    auto profile = read(file);
    if (!profile) return profile.error();
    all = merge(std::move(all), std::move(*profile));
  }
  const auto bytes = pack(std::move(all));
  if (!bytes) return bytes.error();
  return deliver(*bytes, command.output);
}

Result<void> show(const ProfileCommand& command) {
  const auto profile = read(command.files.front());
  if (!profile) return profile.error();
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  fmt::print("{}", profile_text(*profile, today));
  return {};
}

// Runs a program to its end; the exit code as a shell has it. The terminal's signals are its own.
Result<int> run_program(const std::vector<std::string>& words) {
  constexpr int kKilled = 128;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  sigset_t usual;
  ::sigemptyset(&usual);
  ::sigaddset(&usual, SIGPIPE);  // which this program does without
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int failed =
      ::posix_spawnp(&child, arguments[0], nullptr, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) return Error{ErrorCode::kNotFound, words[0] + ": " + std::strerror(failed)};
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGQUIT, SIG_IGN);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Error{ErrorCode::kUnavailable, words[0] + ": lost sight of it"};
  }
  return WIFSIGNALED(status) ? kKilled + WTERMSIG(status) : WEXITSTATUS(status);
}

// The exit code of what was run.
Result<int> record(const ProfileCommand& command, const Environment& environment) {
  const auto socket = socket_of(command, environment);
  if (!socket) return socket.error();
  // So that a child whose parent has ended is found to be below this process still.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const auto begun =
      ask_daemon(*socket, "/profile/record/begin", {{"process", std::to_string(::getpid())}});
  if (!begun) return begun.error();
  const auto ended = run_program(command.command);
  const auto bytes =
      ask_daemon(*socket, "/profile/record/end", {{"source", command.source ? kYes : kNo}});
  if (!ended) return ended.error();
  if (!bytes) return bytes.error();
  const auto profile = unpack(*bytes, "the daemon's answer");
  if (!profile) return profile.error();
  if (profile->rows.empty()) {
    return Error{ErrorCode::kInvalid, fmt::format("{} used nothing of {}, so there is no profile",
                                                  command.command[0], command.directory->string())};
  }
  const fs::path file =
      command.output.value_or(fs::path(command.command[0]).filename().string() + ".profile");
  if (auto written = write_small_file(file, *bytes); !written) return written.error();
  print_error(fmt::format("{} accesses in {}", profile->rows.size(), file.string()));
  return *ended;
}

}  // namespace

int run_profile(const ProfileCommand& command, const Environment& environment) {
  using Action = ProfileCommand::Action;
  Result<void> done;
  switch (command.action) {
    case Action::kRecord: {
      const auto code = record(command, environment);
      if (code) return *code;
      done = code.error();
      break;
    }
    case Action::kExport:
      done = give(command, environment);
      break;
    case Action::kImport:
      done = take(command, environment);
      break;
    case Action::kMerge:
      done = join(command);
      break;
    case Action::kShow:
      done = show(command);
      break;
  }
  if (done) return 0;
  const bool nobody = done.error().message.starts_with("nobody listens on ") && command.directory;
  print_error(nobody ? "no mount of yours on " + command.directory->string()
                     : done.error().message);
  return 1;
}

}  // namespace augurfs
