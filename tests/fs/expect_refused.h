#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/mount.h"

namespace augurfs {

inline constexpr int kCannotMount = 1;
inline constexpr int kWrongUsage = 2;  // of command line, environment or config file

// That a mount was refused with one line that holds `words`, and left nothing behind. They are what
// the person needs to read: what was wrong, where, and what to do.
inline void expect_refused(const TestMount& drive, const ProgramResult& result,
                           const std::vector<std::string>& words, int exit_code = kCannotMount) {
  EXPECT_EQ(result.exit_code, exit_code);
  EXPECT_EQ(result.errors.rfind("augurfs: ", 0), 0U) << result.errors;
  EXPECT_EQ(result.output, "");
  for (const std::string& word : words) {
    EXPECT_NE(result.errors.find(word), std::string::npos) << word << " not in: " << result.errors;
  }
  EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
  EXPECT_FALSE(drive.mounted());
  const ProgramResult processes = run_program(
      {"pgrep", "-f", "augurfs mount .* " + drive.path().string()}, {{"PATH", "/usr/bin:/bin"}});
  EXPECT_EQ(processes.output, "") << "still running";
}

}  // namespace augurfs
