#include "predictor/profile.h"

#include <xxhash.h>

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "predictor/exclusions.h"

namespace augurfs {
namespace {

constexpr std::size_t kNameBytesMax = 255;   // of Linux
constexpr std::size_t kPathBytesMax = 4095;  // of Linux, and of a key that a brain is told

// As RFC 3629 has it: no longer form than needed, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
    };
    const unsigned lead = byte(i);
    const std::size_t more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if ((byte(i + k) & 0xc0U) != 0x80U) return false;
    }
    const unsigned second = byte(i + 1);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
      return false;
    }
    i += more + 1;
  }
  return true;
}

std::string_view fault_of_name(std::string_view name) {
  if (name.empty()) return "has an empty name in it";
  if (name == "." || name == "..") return "has \".\" or \"..\" in it";
  if (name.size() > kNameBytesMax) return "has a name of more than 255 bytes in it";
  if (name.find('\0') != std::string_view::npos) return "has a zero byte in it";
  return {};
}

// Of an access of whose stream nothing is said, but its program.
std::uint64_t fingerprint(const HistoryRow& row) {
  const std::uint64_t numbers[] = {static_cast<std::uint64_t>(row.operation),
                                   row.range.offset,
                                   row.range.length,
                                   row.object_bytes,
                                   static_cast<std::uint64_t>(object_id(row.path)),
                                   program_id(row.program)};
  return XXH3_64bits(numbers, sizeof(numbers));
}

// Of each stream: all that it did, in order. The numbers of streams are 1 to rows at most.
std::vector<std::uint64_t> fingerprints(const std::vector<HistoryRow>& rows) {
  std::vector<std::uint64_t> out(rows.size() + 1);
  for (const HistoryRow& row : rows) {
    const std::uint64_t both[] = {out[row.stream], fingerprint(row)};
    out[row.stream] = XXH3_64bits(both, sizeof(both));
  }
  return out;
}

// An order of profiles that depends on nothing but what is in them.
bool is_older(const Profile& a, const Profile& b) {
  if (a.last_day != b.last_day) return a.last_day < b.last_day;
  const auto key = [](const HistoryRow& row) {
    return std::tie(row.time, row.stream, row.program, row.operation, row.path, row.range.offset,
                    row.range.length, row.object_bytes);
  };
  return std::lexicographical_compare(
      a.rows.begin(), a.rows.end(), b.rows.begin(), b.rows.end(),
      [&](const HistoryRow& left, const HistoryRow& right) { return key(left) < key(right); });
}

// As many runs of the older one as are in the newer.
void forget_runs_of(const Profile& newer, Profile& older) {
  std::unordered_map<std::uint64_t, std::size_t> there;
  const auto newer_runs = fingerprints(newer.rows);
  for (const std::uint64_t run : newer_runs) ++there[run];
  const auto runs = fingerprints(older.rows);
  std::vector<bool> joined(runs.size());
  for (std::size_t stream = 1; stream < runs.size(); ++stream) {
    const auto found = there.find(runs[stream]);
    if (runs[stream] == 0 || found == there.end() || found->second == 0) continue;
    --found->second;
    joined[stream] = true;
  }
  std::erase_if(older.rows, [&](const HistoryRow& row) { return joined[row.stream]; });
}

}  // namespace

void settle(Profile& profile) {
  // Together less than what a time may be, however often profiles are merged.
  constexpr HistoryTime kGapMax = std::chrono::hours{24};
  auto& rows = profile.rows;
  if (rows.size() > Profile::kRowsMax) {
    rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(Profile::kRowsMax));
  }
  std::unordered_map<std::uint64_t, std::uint64_t> streams;
  HistoryTime before = rows.empty() ? HistoryTime{} : rows.front().time;
  HistoryTime time{};
  for (HistoryRow& row : rows) {
    row.stream = streams.try_emplace(row.stream, streams.size() + 1).first->second;
    time += std::clamp(row.time - before, HistoryTime{0}, kGapMax);
    before = std::max(before, row.time);
    row.time = time;
  }
}

std::string_view fault_of_path(std::string_view path, Operation operation) {
  const bool is_directory = operation == Operation::kList;
  if (path.size() > kPathBytesMax) return "is longer than 4095 bytes";
  if (is_directory && path.empty()) return {};
  if (path.starts_with('/')) return "is absolute, and not relative to a mount";
  if (is_directory && !path.ends_with('/')) return "is of a directory and does not end in \"/\"";
  if (is_directory) path.remove_suffix(1);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (const auto fault = fault_of_name(path.substr(begin, end - begin)); !fault.empty()) {
      return fault;
    }
    begin = end + 1;
  }
  return is_utf8(path) ? std::string_view{} : "is not UTF-8";
}

std::string_view fault_of_program(std::string_view name) {
  if (name.empty()) return {};
  if (name.find('/') != std::string_view::npos) return "is no name but a path";
  if (const auto fault = fault_of_name(name); !fault.empty()) return fault;
  return is_utf8(name) ? std::string_view{} : "is not UTF-8";
}

ProfileBuilder::ProfileBuilder(ProfileSelection selection, std::string prefix)
    : selection_(std::move(selection)), prefix_(std::move(prefix)) {}

bool ProfileBuilder::selected(const HistoryRow& row, std::string_view path) const {
  if (selection_.recorded && !row.recorded) return false;
  if (selection_.since && row.time < *selection_.since) return false;
  const std::string_view under = selection_.under;
  const bool below = under.empty() || path == under ||
                     (path.starts_with(under) &&
                      (under.ends_with('/') || path.substr(under.size()).starts_with('/')));
  if (!below) return false;
  // Which programs are meant is said in the same way as which ones are excluded.
  return selection_.programs.empty() || Exclusions(selection_.programs, "").program(row.program);
}

void ProfileBuilder::add(const HistoryRow& row) {
  const bool is_access = row.operation == Operation::kOpen || row.operation == Operation::kRead ||
                         row.operation == Operation::kStat || row.operation == Operation::kList;
  if (!is_access || row.by_kernel_readahead || row.stream == 0) return;
  if (!row.path.starts_with(prefix_)) return;
  const std::string_view path = std::string_view(row.path).substr(prefix_.size());
  if (!fault_of_path(path, row.operation).empty() || !selected(row, path)) return;
  HistoryRow& kept = rows_.emplace_back();
  kept.time = row.time;
  kept.operation = row.operation;
  kept.stream = row.stream;
  kept.program = row.program.substr(row.program.rfind('/') + 1);
  if (!fault_of_program(kept.program).empty()) kept.program.clear();
  kept.path = path;
  if (row.operation == Operation::kRead) kept.range = row.range;
  kept.object_bytes = row.object_bytes;
  if (rows_.size() > Profile::kRowsMax) rows_.pop_front();
}

Profile ProfileBuilder::take() {
  Profile profile;
  profile.rows.assign(std::make_move_iterator(rows_.begin()), std::make_move_iterator(rows_.end()));
  rows_.clear();
  if (!profile.rows.empty()) {
    profile.last_day = std::chrono::floor<std::chrono::days>(
        std::chrono::sys_time<HistoryTime>{profile.rows.back().time});
  }
  settle(profile);
  return profile;
}

Profile merge(Profile a, Profile b) {
  Profile& older = is_older(a, b) ? a : b;
  Profile& newer = &older == &a ? b : a;
  if (older.rows.empty() || newer.rows.empty()) {
    return std::move(older.rows.empty() ? newer : older);
  }
  forget_runs_of(newer, older);
  Profile out;
  out.last_day = newer.last_day;
  if (older.source == newer.source) out.source = newer.source;
  // A gap: the one did not go on in the other.
  constexpr HistoryTime kGap = std::chrono::minutes{1};
  out.rows = std::move(older.rows);
  const HistoryTime begin = out.rows.empty() ? HistoryTime{} : out.rows.back().time + kGap;
  const std::uint64_t streams = out.rows.empty() ? 0 : Profile::kRowsMax;
  for (HistoryRow& row : newer.rows) {
    row.time += begin;
    row.stream += streams;
    out.rows.push_back(std::move(row));
  }
  settle(out);
  return out;
}

Profile with_prefix(Profile profile, std::string_view prefix) {
  for (HistoryRow& row : profile.rows) row.path.insert(0, prefix);
  return profile;
}

void give_wall_times(Profile& profile) {
  if (profile.rows.empty()) return;
  const HistoryTime end = profile.last_day.time_since_epoch();
  const HistoryTime last = profile.rows.back().time;
  for (HistoryRow& row : profile.rows) row.time += end - last;
}

}  // namespace augurfs
