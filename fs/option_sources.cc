#include "fs/option_sources.h"

#include <algorithm>
#include <array>

#include "fs/edit_distance.h"
#include "fs/option_table.h"

namespace augurfs {
namespace {

constexpr std::string_view kVariablePrefix = "AUGURFS_";

// What mount(8), mount.fuse and systemd pass along, and what people keep in fstab by habit. All of
// it is for them, or is true of every mount of ours: no devices, no set-uid files, no access
// times. noexec is missing on purpose, since we could not keep that promise.
constexpr std::array<std::string_view, 22> kMountWords = {
    "rw",     "ro",    "defaults", "auto",       "noauto",   "_netdev", "user", "users",
    "nouser", "owner", "group",    "nofail",     "dev",      "nodev",   "suid", "nosuid",
    "exec",   "async", "noatime",  "nodiratime", "relatime", "comment"};

bool is_for_mount(std::string_view name) {
  return name.starts_with("x-") || name.starts_with("X-") ||
         std::find(kMountWords.begin(), kMountWords.end(), name) != kMountWords.end();
}

// "remote.endpoint" of "AUGURFS_REMOTE_ENDPOINT": the section ends at the first '_'.
std::string option_name(std::string_view variable) {
  std::string name(variable.substr(kVariablePrefix.size()));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (const std::size_t end = name.find('_'); end != std::string::npos) name[end] = '.';
  return name;
}

bool is_meant_for_us(std::string_view variable) {
  constexpr std::size_t kSlipsMax = 2;
  const std::string name = option_name(variable);
  const auto& sections = option_sections();
  const auto& options = option_table();
  return std::any_of(sections.begin(), sections.end(),
                     [&](const OptionSection& section) {
                       return name.starts_with(std::string(section.name) + ".");
                     }) ||
         std::any_of(options.begin(), options.end(), [&](const Option& option) {
           return edit_distance(name, option.name) <= kSlipsMax;
         });
}

// A name with its value, or a name alone where that is enough.
Result<void> apply_word(std::string_view word, bool name_is_enough, Options& options) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const Option* option = find_option(name);
  if (option == nullptr && name == "noexec") {
    return Error{ErrorCode::kInvalid,
                 "'noexec' is not an option: programs on a drive can be run, and where mount(8) "
                 "adds it because of 'user' or 'users', write 'user,exec'"};
  }
  if (option == nullptr) return unknown_option(name);
  if (equals != std::string_view::npos)
    return set_option(options, *option, word.substr(equals + 1));
  if (name_is_enough && option->value.type == OptionType::kBoolean) {
    return set_option(options, *option, "true");
  }
  return Error{ErrorCode::kInvalid, "'" + std::string(name) + "' has no value: write " +
                                        std::string(name) + "=VALUE; it wants " +
                                        option->value.accepts};
}

}  // namespace

Result<void> apply_environment(const Environment& environment, Options& options) {
  for (const auto& entry : environment) {
    const std::string& variable = entry.first;  // clang 14 captures no bindings
    if (!variable.starts_with(kVariablePrefix)) continue;
    const auto& table = option_table();
    const auto option = std::find_if(table.begin(), table.end(), [&](const Option& candidate) {
      return candidate.environment_name() == variable;
    });
    if (option != table.end()) {
      const auto set = set_option(options, *option, entry.second);
      if (!set) return set.error().in("environment variable " + variable);
    } else if (is_meant_for_us(variable)) {
      return unknown_option(option_name(variable)).in("environment variable " + shown(variable));
    }
  }
  return {};
}

Result<void> apply_setting(std::string_view setting, Options& options) {
  const auto applied = apply_word(setting, false, options);
  return applied ? applied : applied.error().in("--set");
}

Result<void> apply_mount_options(std::string_view list, Options& options) {
  while (!list.empty()) {
    const std::string_view word = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), word.size() + 1));
    if (word.empty() || is_for_mount(word.substr(0, word.find('=')))) continue;
    const auto applied = apply_word(word, true, options);
    if (!applied) return applied.error().in("-o");
  }
  return {};
}

}  // namespace augurfs
