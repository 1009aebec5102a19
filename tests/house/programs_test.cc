#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "house/sources.h"

namespace augurfs {
namespace {

// LibTorch costs half a second and 160 MB to load: only who trains a model is to pay.
TEST(Programs, NeitherTheDaemonNorTheBrainLinksLibTorch) {
  for (const char* const program : {AUGURFS_PROGRAM, AUGURFS_BRAIN}) {
    const auto outcome = run("readelf --dynamic '" + std::string(program) + "'");
    ASSERT_EQ(outcome.status, 0) << outcome.output;
    EXPECT_THAT(outcome.output, testing::HasSubstr("(NEEDED)"));
    EXPECT_THAT(outcome.output, testing::Not(testing::ContainsRegex("torch|c10|blas")));
  }
}

}  // namespace
}  // namespace augurfs
