#include "fs/replay_command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

namespace augurfs {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

int fail(const std::string& message) {
  std::fprintf(stderr, "augurfs: %s\n", message.c_str());
  return 1;
}

}  // namespace

int run_replay(const ReplayCommand& command) {
  std::unique_ptr<std::FILE, CloseFile> json;
  if (command.json_file) {
    json.reset(std::fopen(command.json_file->c_str(), "we"));
    if (!json) return fail(command.json_file->string() + ": " + std::strerror(errno));
  }
  bool first = true;
  bool written = true;
  const auto done = replay(command.options, [&](const ReplayRow& row) {
    if (std::exchange(first, false)) std::fputs(table_head().c_str(), stdout);
    std::fputs(table_line(row).c_str(), stdout);
    std::fflush(stdout);
    // What depends on the machine stays out of the table, which is the same for the same input.
    std::fprintf(stderr, "augurfs: %s %s: %.0f events/s, %.0f MB of memory", row.trace.c_str(),
                 row.policy.c_str(), row.events_per_s,
                 static_cast<double>(row.peak_rss_bytes) / 1e6);
    if (row.result.skipped_lines > 0) {
      std::fprintf(stderr, ", %llu bad lines skipped",
                   static_cast<unsigned long long>(row.result.skipped_lines));
    }
    std::fputs("\n", stderr);
    if (json) {
      written &= std::fputs((to_json(row) + "\n").c_str(), json.get()) >= 0;
      written &= std::fflush(json.get()) == 0;
    }
  });
  if (!done) return fail(done.error().message);
  if (!written) return fail(command.json_file->string() + ": could not be written");
  return 0;
}

}  // namespace augurfs
