#include "cache/ghosts.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

TEST(Ghosts, TellWhyAChunkWentAndOnlyOnce) {
  Ghosts ghosts;
  ghosts.set_limit(10);
  ghosts.put(7, {.cause = Origin::kPrefetch, .newcomer = true});
  EXPECT_FALSE(ghosts.take(8));
  const auto ghost = ghosts.take(7);
  ASSERT_TRUE(ghost);
  EXPECT_EQ(ghost->cause, Origin::kPrefetch);
  EXPECT_TRUE(ghost->newcomer);
  EXPECT_FALSE(ghost->unused);
  EXPECT_FALSE(ghosts.take(7));
}

TEST(Ghosts, TheOldestAreForgottenBeyondTheLimit) {
  Ghosts ghosts;
  ghosts.set_limit(4);
  for (std::uint32_t i = 0; i < 6; ++i) ghosts.put(i * 1000, {});
  EXPECT_FALSE(ghosts.take(0));
  EXPECT_FALSE(ghosts.take(1000));
  EXPECT_TRUE(ghosts.take(5000));
}

TEST(Ghosts, AreKeptWhenTheLimitGrows) {
  Ghosts ghosts;
  ghosts.set_limit(4);
  for (std::uint32_t i = 0; i < 4; ++i) ghosts.put(i, {.unused = i == 2});
  ghosts.set_limit(1000);
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto ghost = ghosts.take(i);
    ASSERT_TRUE(ghost) << i;
    EXPECT_EQ(ghost->unused, i == 2);
  }
}

TEST(Ghosts, WithoutALimitNothingIsKept) {
  Ghosts ghosts;
  ghosts.put(1, {});
  EXPECT_FALSE(ghosts.take(1));
}

TEST(Ghosts, TheLatestReasonCounts) {
  Ghosts ghosts;
  ghosts.set_limit(8);
  ghosts.put(1, {.cause = Origin::kPrefetch});
  ghosts.put(1, {.cause = Origin::kDemand});
  EXPECT_EQ(ghosts.take(1)->cause, Origin::kDemand);
  EXPECT_FALSE(ghosts.take(1));
}

}  // namespace
}  // namespace augurfs
