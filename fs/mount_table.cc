#include "fs/mount_table.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "fs/lies_in.h"

namespace augurfs {
namespace {

// The kernel writes space, tab, newline and backslash in paths as \040, \011, \012, \134.
std::string unescaped(const std::string& field) {
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const auto is_octal = [&](std::size_t at) { return field[at] >= '0' && field[at] <= '7'; };
    if (field[i] == '\\' && i + 3 < field.size() && is_octal(i + 1) && is_octal(i + 2) &&
        is_octal(i + 3)) {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                               (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

// "rw,user_id=1000,group_id=1000"
std::optional<uid_t> user_of(std::string_view options) {
  constexpr std::string_view kName = "user_id=";
  while (!options.empty()) {
    const std::string_view option = options.substr(0, options.find(','));
    options.remove_prefix(std::min(options.size(), option.size() + 1));
    if (!option.starts_with(kName)) continue;
    const std::string_view number = option.substr(kName.size());
    uid_t user = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), user);
    if (error == std::errc{} && end == number.data() + number.size()) return user;
  }
  return std::nullopt;
}

// "36 35 98:0 /root /directory options [optional...] - type source super-options"
std::optional<MountEntry> parse_entry(const std::string& line) {
  std::istringstream words(line);
  MountEntry entry;
  std::string skipped;
  std::string directory;
  if (!(words >> skipped >> skipped >> entry.device >> skipped >> directory)) return std::nullopt;
  while (words >> skipped && skipped != "-") {
  }
  if (!(words >> entry.type >> entry.source)) return std::nullopt;
  entry.directory = unescaped(directory);
  entry.source = unescaped(entry.source);
  std::string options;
  words >> options;
  entry.user = user_of(options);
  return entry;
}

// In the order of their making: a later mount on the same directory is above the earlier ones.
std::vector<MountEntry> read_table(const std::filesystem::path& table) {
  std::vector<MountEntry> entries;
  std::ifstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    if (auto entry = parse_entry(line)) entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace

std::optional<MountEntry> mount_on(const std::filesystem::path& directory,
                                   const std::filesystem::path& table) {
  const auto entries = read_table(table);
  const auto found = std::find_if(entries.rbegin(), entries.rend(), [&](const MountEntry& entry) {
    return entry.directory == directory;
  });
  return found == entries.rend() ? std::nullopt : std::optional(*found);
}

std::optional<MountEntry> our_mount_around(const std::filesystem::path& path,
                                           const std::filesystem::path& table) {
  std::optional<MountEntry> nearest;
  for (MountEntry& entry : read_table(table)) {
    if (!lies_in(path, entry.directory)) continue;
    if (!nearest || lies_in(entry.directory, nearest->directory)) nearest = std::move(entry);
  }
  return nearest && nearest->is_ours() ? nearest : std::nullopt;
}

std::vector<MountEntry> mounts_of(uid_t user, const std::filesystem::path& table) {
  const auto entries = read_table(table);
  std::vector<MountEntry> found;
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    const bool covered = std::any_of(entry + 1, entries.end(), [&](const MountEntry& later) {
      return later.directory == entry->directory;
    });
    if (!covered && entry->is_ours() && entry->user == user) found.push_back(*entry);
  }
  return found;
}

std::optional<pid_t> process_that_sees(const std::string& device,
                                       const std::filesystem::path& processes) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(processes, error), end; !error && it != end;
       it.increment(error)) {
    pid_t process = 0;
    const std::string name = it->path().filename().string();
    const auto [rest, fault] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (fault != std::errc{} || rest != name.data() + name.size()) continue;
    const auto entries = read_table(it->path() / "mountinfo");
    if (std::any_of(entries.begin(), entries.end(),
                    [&](const MountEntry& entry) { return entry.device == device; })) {
      return process;
    }
  }
  return std::nullopt;
}

}  // namespace augurfs
