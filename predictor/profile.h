#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/history_table.h"

namespace augurfs {

// What was learned of programs or directories, to be known elsewhere: accesses out of a history, in
// the order in which they were made, of processes only. In a file the paths are relative to the
// prefix of a mount. A plain value; ProfileBuilder, merge() and unpack() make sound ones.
struct Profile {
  // Half of what a brain is told of the past, so that the other half is the machine's own.
  static constexpr std::size_t kRowsMax = 1 << 16;

  // Streams are numbered from 1 by their first access. Times begin at 0 and never go back. Of a
  // program the name of its file alone, "" when not known.
  std::vector<HistoryRow> rows;
  std::chrono::sys_days last_day{};  // of the last access; at what time is nobody's business
  std::string source;                // the URL of the mount; "" when it is not to be told
};

// Whose accesses to what go into a profile. All of them by default.
struct ProfileSelection {
  std::string programs;              // patterns of names as of fnmatch(3), by commas; "": all
  std::string under;                 // a directory or a file, relative to the mount; "": all
  std::optional<HistoryTime> since;  // since the epoch
  bool recorded = false;             // only what a recording has marked
};

// Why a path may not be in a profile, "" when it may: it is relative, of names that a file can
// have, and UTF-8. Of a listing the path is "" or ends in "/".
std::string_view fault_of_path(std::string_view path, Operation operation);
// The same of the name of a program.
std::string_view fault_of_program(std::string_view name);

// Makes a profile of the rows of a history. Rows that could not be in one are left out: those of no
// process, outside of the prefix, with a path that is not UTF-8. Of more than kRowsMax the newest
// stay. Thread rule: one thread at a time.
class ProfileBuilder {
 public:
  // `prefix` is that of the mount: "" or ends in "/".
  ProfileBuilder(ProfileSelection selection, std::string prefix);

  void add(const HistoryRow& row);
  Profile take();

 private:
  bool selected(const HistoryRow& row, std::string_view path) const;

  const ProfileSelection selection_;
  const std::string prefix_;
  std::deque<HistoryRow> rows_;
};

// Makes rows a sound profile: no more than kRowsMax of them, the newest; streams and times as
// above.
void settle(Profile& profile);

// Both, the older one first. Of a run of a program that is in both, with the same accesses in the
// same order, one stays, the newer. merge(a, b) is merge(b, a), and merge(a, a) is a. Of more than
// kRowsMax accesses the newest stay. The source is told when it is the same.
Profile merge(Profile a, Profile b);

// The same with `prefix` before each path, as keys of a bucket.
Profile with_prefix(Profile profile, std::string_view prefix);

// When each access was made, as far as a profile tells.
void give_wall_times(Profile& profile);

}  // namespace augurfs
