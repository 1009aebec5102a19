#include "predictor/experts/probation.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

void go_through(Probation& probation, int trials, double newcomer, double other) {
  for (int i = 0; i < trials; ++i) probation.account(newcomer, other);
}

TEST(Probation, IsPassedByTheMarginAndNotBefore) {
  Probation better;
  go_through(better, 63, 90, 100);
  EXPECT_FALSE(better.passed());
  go_through(better, 1, 90, 100);
  EXPECT_TRUE(better.passed());
  Probation hardly;
  go_through(hardly, 1000, 96, 100);
  EXPECT_FALSE(hardly.passed());
}

TEST(Probation, WhoCostsMoreLosesTheVoteAndMayEarnItAgain) {
  Probation probation;
  go_through(probation, 200, 50, 100);
  ASSERT_TRUE(probation.passed());
  go_through(probation, 50, 98, 100);
  EXPECT_TRUE(probation.passed()) << "a little better is enough to keep it";
  go_through(probation, 500, 110, 100);
  EXPECT_FALSE(probation.passed());
  go_through(probation, 1000, 80, 100);
  EXPECT_TRUE(probation.passed());
}

TEST(Probation, WhereNothingEverCostsNothingIsProved) {
  Probation probation;
  go_through(probation, 1000, 0, 0);
  EXPECT_FALSE(probation.passed());
}

}  // namespace
}  // namespace augurfs
