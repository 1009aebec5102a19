#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "house/sources.h"

namespace augurfs {
namespace {

// The line, from left to right, with a header of each folder that costs little to compile.
struct Folder {
  std::string name;
  std::string header;
};
const std::array<Folder, 4> kLine = {{{"fs", "fs/options.h"},
                                      {"predictor", "predictor/event.h"},
                                      {"cache", "cache/chunk_store.h"},
                                      {"remote", "remote/result.h"}}};

// Compiles one line, `#include "<header>"`, the way a source of `folder` is compiled. Elsewhere
// than at the top of the tree, where the line would find every folder beside itself.
Outcome include_from(const std::string& folder, const std::string& header) {
  return run("cd '" AUGURFS_FLAGS_DIRECTORY "' && echo '#include \"" + header +
             "\"' | " AUGURFS_COMPILER " -std=c++20 -fsyntax-only -x c++ @" + folder + ".flags -");
}

TEST(Line, AnIncludeAlongTheLineCompiles) {
  for (std::size_t from = 0; from < kLine.size(); ++from) {
    for (std::size_t to = from; to < kLine.size(); ++to) {
      const auto outcome = include_from(kLine[from].name, kLine[to].header);
      EXPECT_EQ(outcome.status, 0)
          << kLine[to].header << " in " << kLine[from].name << ": " << outcome.output;
    }
  }
}

TEST(Line, AnIncludeAgainstTheLineDoesNotCompile) {
  for (std::size_t from = 0; from < kLine.size(); ++from) {
    for (std::size_t to = 0; to < from; ++to) {
      const auto outcome = include_from(kLine[from].name, kLine[to].header);
      EXPECT_NE(outcome.status, 0) << kLine[to].header << " in " << kLine[from].name;
      EXPECT_THAT(outcome.output,
                  testing::HasSubstr(kLine[to].header + ": No such file or directory"));
    }
  }
}

}  // namespace
}  // namespace augurfs
