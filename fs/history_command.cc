#include "fs/history_command.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "cache/cache_directory.h"
#include "fs/admin_socket.h"
#include "fs/print_error.h"
#include "fs/running_mounts.h"
#include "fs/units.h"
#include "predictor/history.h"
#include "predictor/history_csv.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPageRows = 8192;
constexpr std::uint64_t kAnySize = std::uint64_t{64} << 30;  // the largest that history.size takes
constexpr std::string_view kEnd = "end";

bool print(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
}

// Prints pages until the last one. `page` returns the one that begins at a cursor.
Result<void> print_export(
    const std::function<Result<std::string>(const std::string& after, const std::string& origin)>&
        page) {
  std::string after = "0";
  std::string origin = "0";
  bool written = print(kHistoryCsvHeader);
  while (written) {
    const auto text = page(after, origin);
    if (!text) return text.error();
    const std::size_t line = text->find('\n');
    const std::string cursor = text->substr(0, line);
    written = line == std::string::npos || print(std::string_view(*text).substr(line + 1));
    const std::size_t space = cursor.find(' ');
    if (cursor == kEnd || space == std::string::npos) break;
    after = cursor.substr(0, space);
    origin = cursor.substr(space + 1);
  }
  if (written && std::fflush(stdout) == 0) return {};
  if (errno == EPIPE) return {};  // whoever reads it has seen enough
  return Error{ErrorCode::kUnavailable, "cannot write what was asked for"};
}

Result<void> of_mount(HistoryCommand::Action action, const fs::path& socket) {
  if (action == HistoryCommand::Action::kExport) {
    return print_export([&](const std::string& after, const std::string& origin) {
      return ask_daemon(socket, "/history/export", {{"after", after}, {"origin", origin}});
    });
  }
  const bool wipes = action == HistoryCommand::Action::kWipe;
  const auto answer = ask_daemon(socket, wipes ? "/history/wipe" : "/history/show");
  if (!answer) return answer.error();
  print(wipes ? "the history is wiped\n" : *answer);
  return {};
}

Result<void> of_directory(HistoryCommand::Action action, const fs::path& cache) {
  std::error_code missing;
  const fs::path file = fs::absolute(cache, missing) / kHistoryFile;
  if (!fs::is_directory(cache, missing)) {
    return Error{ErrorCode::kNotFound, cache.string() + " is no directory"};
  }
  const auto directory = CacheDirectory::open(cache);  // takes the lock
  if (!directory) return directory.error();
  if (action == HistoryCommand::Action::kWipe) {
    if (auto removed = History::remove(file); !removed) return removed;
    print("the history is wiped\n");
    return {};
  }
  if (!fs::exists(file, missing)) {
    return Error{ErrorCode::kNotFound, "there is no history in " + cache.string()};
  }
  auto table = HistoryTable::open(file, kAnySize);
  if (!table) return table.error();
  if (action == HistoryCommand::Action::kShow) {
    const auto summary = table->summary();
    if (!summary) return summary.error();
    print(history_text(*summary));
    return {};
  }
  return print_export([&](const std::string& after, const std::string& origin) {
    return history_page(
        {std::stoll(after), HistoryTime{std::stoll(origin)}},
        [&](HistoryCursor& cursor, std::size_t rows_max) { return table->read(cursor, rows_max); });
  });
}

Result<void> run(const HistoryCommand& command, const Environment& environment) {
  if (command.cache) {
    if (const auto socket = cache_socket(*command.cache, environment)) {
      return of_mount(command.action, *socket);
    }
    return of_directory(command.action, *command.cache);
  }
  const auto socket = mount_socket(command.directory, environment);
  if (!socket) return socket.error();
  auto done = of_mount(command.action, *socket);
  if (!done && done.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound,
                 "no mount of yours there; for one that is not mounted: --cache DIR"};
  }
  return done;
}

std::string day(HistoryTime time) {
  return fmt::format("{:%Y-%m-%d %H:%M}",
                     std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>(
                         std::chrono::floor<std::chrono::seconds>(time)));
}

}  // namespace

int run_history(const HistoryCommand& command, const Environment& environment) {
  const auto done = run(command, environment);
  if (done) return 0;
  print_error(done.error().message);
  return 1;
}

std::string history_text(const HistorySummary& summary) {
  if (summary.events == 0) return "the history is empty\n";
  std::string out = fmt::format("{} events of {} objects in {} streams, {}\nfrom {} to {} UTC\n",
                                summary.events, summary.objects, summary.streams,
                                rounded_size(summary.bytes), day(summary.first), day(summary.last));
  for (const HistorySummary::Program& program : summary.programs) {
    out += fmt::format("  {:>10}  {}\n", program.events, program.path);
  }
  return out;
}

Result<std::string> history_page(HistoryCursor cursor, const ReadHistory& read) {
  const auto rows = read(cursor, kPageRows);
  if (!rows) return rows.error();
  std::string lines = rows->size() < kPageRows
                          ? std::string(kEnd)
                          : fmt::format("{} {}", cursor.after, cursor.origin.count());
  lines += '\n';
  for (const HistoryRow& row : *rows) append_csv(lines, row, cursor.origin);
  return lines;
}

}  // namespace augurfs
