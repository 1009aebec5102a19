#include "fs/profile_report.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fs/units.h"
#include "predictor/object_id.h"

namespace augurfs {
namespace {

// A stranger's text on one line of a terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < ' ' || byte == 0x7f ? '?' : c;
  }
  return out;
}

using Counts = std::map<std::string, std::uint64_t>;

void append_most(std::string& out, const char* title, const Counts& counts) {
  constexpr std::size_t kLinesMax = 10;
  std::vector<std::pair<std::string, std::uint64_t>> most(counts.begin(), counts.end());
  std::stable_sort(most.begin(), most.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  out += fmt::format("{}\n", title);
  for (std::size_t i = 0; i < std::min(most.size(), kLinesMax); ++i) {
    out += fmt::format("  {:>10}  {}\n", most[i].second, printable(most[i].first));
  }
  if (most.size() > kLinesMax) out += fmt::format("  {:>10}  more\n", most.size() - kLinesMax);
}

}  // namespace

std::string profile_text(const Profile& profile, std::chrono::sys_days today) {
  if (profile.rows.empty()) return "the profile is empty\n";
  Counts programs;
  Counts directories;
  std::unordered_map<std::string, std::uint64_t> objects;  // sizes
  std::uint64_t runs = 0;
  for (const HistoryRow& row : profile.rows) {
    runs = std::max(runs, row.stream);
    ++programs[row.program.empty() ? "(unknown)" : row.program];
    const bool lists = row.operation == Operation::kList;
    const std::string directory(lists ? std::string_view(row.path) : directory_prefix(row.path));
    ++directories[directory.empty() ? "/" : directory];
    if (!lists) objects[row.path] = row.object_bytes;
  }
  std::uint64_t bytes = 0;
  for (const auto& [path, size] : objects) bytes += std::min(size, ~std::uint64_t{0} - bytes);
  const auto days = (today - profile.last_day).count();
  std::string out =
      fmt::format("{} accesses of {} objects ({}) in {} runs of programs\nlast on {:%Y-%m-%d}",
                  profile.rows.size(), objects.size(), rounded_size(bytes), runs,
                  std::chrono::sys_seconds{profile.last_day});
  out += days == 0   ? ", today\n"
         : days == 1 ? ", a day ago\n"
                     : fmt::format(", {} days ago\n", days);
  if (!profile.source.empty()) out += "made on " + printable(profile.source) + "\n";
  append_most(out, "accesses by program", programs);
  append_most(out, "accesses by directory", directories);
  return out;
}

}  // namespace augurfs
