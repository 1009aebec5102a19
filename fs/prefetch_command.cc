#include "fs/prefetch_command.h"

#include <chrono>
#include <cstdio>
#include <string>

#include "fs/admin_socket.h"
#include "fs/ledger_report.h"
#include "fs/print_error.h"
#include "fs/running_mounts.h"

namespace augurfs {
namespace {

Result<std::string> ask(const PrefetchCommand& command, const Environment& environment) {
  const auto socket = mount_socket(command.directory, environment);
  if (!socket) return socket.error();
  switch (command.action) {
    case PrefetchCommand::Action::kOn:
      return ask_daemon(*socket, "/prefetch/on");
    case PrefetchCommand::Action::kOff:
      return ask_daemon(*socket, "/prefetch/off");
    case PrefetchCommand::Action::kShadow:
      return ask_daemon(*socket, "/prefetch/shadow");
    case PrefetchCommand::Action::kReport:
      return ask_daemon(*socket, "/prefetch/report", {{"by", command.by}});
    case PrefetchCommand::Action::kPause:
      break;
  }
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(command.pause);
  return ask_daemon(*socket, "/prefetch/pause", {{"seconds", std::to_string(seconds.count())}});
}

}  // namespace

int run_prefetch(const PrefetchCommand& command, const Environment& environment) {
  const auto answer = ask(command, environment);
  if (answer) {
    if (command.action == PrefetchCommand::Action::kReport) {
      std::fputs((command.json ? *answer + "\n" : ledger_text(*answer)).c_str(), stdout);
    }
    return 0;
  }
  const bool nobody = answer.error().code == ErrorCode::kNotFound && command.directory;
  print_error(nobody ? "no mount of yours on " + command.directory->string()
                     : answer.error().message);
  return 1;
}

}  // namespace augurfs
