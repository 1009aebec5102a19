#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/profile.h"

namespace augurfs {

inline constexpr std::chrono::sys_days kProfileDay{std::chrono::days{20'000}};

// An access as a history has it, `second` seconds into kProfileDay.
inline HistoryRow profile_row(std::int64_t second, std::uint64_t stream, std::string_view program,
                              std::string_view path, Operation operation = Operation::kOpen) {
  HistoryRow row;
  row.time = kProfileDay.time_since_epoch() + std::chrono::seconds{second};
  row.operation = operation;
  row.stream = stream;
  row.program = program;
  row.path = path;
  row.object_bytes = 100;
  if (operation == Operation::kRead) row.range = {10, 20};
  return row;
}

inline Profile profile_of(const std::vector<HistoryRow>& rows,
                          const ProfileSelection& selection = {}, const std::string& prefix = "") {
  ProfileBuilder builder(selection, prefix);
  for (const HistoryRow& row : rows) builder.add(row);
  return builder.take();
}

// What some programs may have done: the same seed, the same rows.
inline std::vector<HistoryRow> random_rows(std::uint64_t seed, std::size_t count) {
  const std::vector<std::string> programs{"/usr/bin/cat", "/opt/a b/python3", "", "/bin/\"x\",y"};
  const std::vector<std::string> paths{"a", "d/b", "d/e/c", "d/comma, and \"quote\"", "d/\xc3\xa9"};
  std::mt19937_64 random(seed);
  const auto draw = [&](std::size_t below) { return random() % below; };
  std::vector<HistoryRow> rows;
  std::int64_t second = 0;
  for (std::size_t i = 0; i < count; ++i) {
    second += static_cast<std::int64_t>(draw(3));
    const std::uint64_t stream = 7 + draw(5);
    const Operation operation = std::vector{Operation::kOpen, Operation::kRead, Operation::kStat,
                                            Operation::kList}[draw(4)];
    const std::string path =
        operation == Operation::kList ? (draw(2) == 0 ? "" : "d/") : paths[draw(paths.size())];
    rows.push_back(
        profile_row(second, stream, programs[stream % programs.size()], path, operation));
    rows.back().object_bytes = operation == Operation::kList ? 0 : draw(1 << 20) + 100;
  }
  return rows;
}

// All that a profile tells of an access, to be compared.
inline std::vector<std::string> lines(const Profile& profile) {
  std::vector<std::string> out;
  for (const HistoryRow& row : profile.rows) {
    out.push_back(std::to_string(row.time.count()) + " " + std::to_string(row.stream) + " " +
                  row.program + " " + std::to_string(static_cast<int>(row.operation)) + " " +
                  row.path + " " + std::to_string(row.range.offset) + "+" +
                  std::to_string(row.range.length) + " " + std::to_string(row.object_bytes));
  }
  return out;
}

}  // namespace augurfs
