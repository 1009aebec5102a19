#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "fs/command_line.h"
#include "fs/environment.h"
#include "fs/explain_command.h"
#include "fs/hint_command.h"
#include "fs/history_command.h"
#include "fs/mount_command.h"
#include "fs/prefetch_command.h"
#include "fs/print_error.h"
#include "fs/profile_command.h"
#include "fs/replay_command.h"
#include "fs/status_command.h"
#include "fs/unmount_command.h"

namespace augurfs {
namespace {

// Buffers of reads are big and come from many threads: with glibc's defaults each thread's arena
// would keep what it once needed.
void tune_allocator() {
  constexpr int kArenasMax = 2;
  constexpr int kMapBytesMin = 256 << 10;
  ::mallopt(M_ARENA_MAX, kArenasMax);
  ::mallopt(M_MMAP_THRESHOLD, kMapBytesMin);
}

int run(const Command& command, const Environment& environment) {
  return std::visit(
      [&](const auto& chosen) {
        using Chosen = std::decay_t<decltype(chosen)>;
        if constexpr (std::is_same_v<Chosen, MountCommand>) {
          return run_mount(chosen, environment);
        } else if constexpr (std::is_same_v<Chosen, UnmountCommand>) {
          return run_unmount(chosen, environment);
        } else if constexpr (std::is_same_v<Chosen, StatusCommand>) {
          return run_status(chosen, environment);
        } else if constexpr (std::is_same_v<Chosen, ExplainCommand>) {
          return run_explain(chosen, environment);
        } else if constexpr (std::is_same_v<Chosen, ReplayCommand>) {
          return run_replay(chosen);
        } else if constexpr (std::is_same_v<Chosen, HistoryCommand>) {
          return run_history(chosen, environment);
        } else if constexpr (std::is_same_v<Chosen, PrefetchCommand>) {
          return run_prefetch(chosen, environment);
        } else if constexpr (std::is_same_v<Chosen, HintCommand>) {
          return run_hint(chosen, environment);
        } else if constexpr (std::is_same_v<Chosen, ProfileCommand>) {
          return run_profile(chosen, environment);
        } else {
          std::fputs(chosen.text.c_str(), stdout);
          return 0;
        }
      },
      command);
}

}  // namespace
}  // namespace augurfs

int main(int argc, char** argv) {
  constexpr int kUsageError = 2;
  augurfs::tune_allocator();
  // A peer that has gone is an error of the write, not the end of the mount.
  std::signal(SIGPIPE, SIG_IGN);
  // Until a mount starts its log: what a person should know, among the errors.
  auto logger = spdlog::stderr_logger_mt("augurfs");
  logger->set_pattern("augurfs: %v");
  spdlog::set_default_logger(std::move(logger));
  const augurfs::Environment environment = augurfs::process_environment();
  const auto command =
      augurfs::parse_command_line(std::vector<std::string>(argv + 1, argv + argc), environment);
  if (!command) {
    augurfs::print_error(command.error().message);
    return kUsageError;
  }
  return augurfs::run(*command, environment);
}
