#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "fs/environment.h"
#include "fs/options.h"
#include "predictor/replay/replay.h"
#include "remote/result.h"

namespace augurfs {

struct MountCommand {
  std::string url;
  std::filesystem::path directory;
  bool foreground = false;
  Options options;  // flag over environment over file over default
};
struct UnmountCommand {
  std::filesystem::path directory;
  bool force = false;
};
struct StatusCommand {
  std::optional<std::filesystem::path> directory;  // unset: every mount of this user
  bool json = false;
};
struct ExplainCommand {
  std::filesystem::path file;
  bool json = false;
};
struct ReplayCommand {
  ReplayOptions options;
  std::optional<std::filesystem::path> json_file;
};
struct HistoryCommand {
  enum class Action { kShow, kExport, kWipe };
  Action action = Action::kShow;
  std::optional<std::filesystem::path> directory;  // the mount point
  std::optional<std::filesystem::path> cache;      // in its place: the cache directory
};
struct PrefetchCommand {
  enum class Action { kOn, kOff, kShadow, kPause, kReport };
  Action action = Action::kOn;
  std::chrono::milliseconds pause{};
  std::string by = "expert";  // of a report: or exe, or dir
  bool json = false;
  std::optional<std::filesystem::path> directory;  // unset: the only mount there is
};
struct HintCommand {
  std::filesystem::path directory;
  bool replace = false;
  bool clear = false;
  bool null_separated = false;
};
struct ProfileCommand {
  enum class Action { kRecord, kExport, kImport, kMerge, kShow };
  Action action = Action::kShow;
  std::optional<std::filesystem::path> directory;  // the mount point; unset: the only mount
  std::vector<std::filesystem::path> files;        // that are read
  std::optional<std::filesystem::path> output;
  std::string programs;
  std::string under;
  std::optional<std::chrono::milliseconds> age;
  bool source = false;
  bool force = false;
  std::vector<std::string> command;  // that is recorded
};
// `config --example`, `config --check FILE`, `version`, `--help`: all is known once the line is
// parsed; what is left is to print it.
struct PrintCommand {
  std::string text;
};
using Command =
    std::variant<MountCommand, UnmountCommand, StatusCommand, ExplainCommand, HistoryCommand,
                 PrefetchCommand, HintCommand, ProfileCommand, ReplayCommand, PrintCommand>;

// Parses `augurfs ...` (without the program's name) and, for a mount, reads the config file and the
// environment. kInvalid with a message for a person: which word, file and line, and what is nearest
// to it.
Result<Command> parse_command_line(const std::vector<std::string>& arguments,
                                   const Environment& environment);

}  // namespace augurfs
