#include "predictor/experts/capsule.h"

#include <gtest/gtest.h>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

constexpr std::uint32_t kNeighbours = 64;  // chunks of the narrowest neighbourhood

class CapsuleTest : public testing::Test {
 protected:
  // What the expert looks at before it chooses a width: chunks so far apart.
  void sample(std::uint32_t distance, std::uint32_t chunks = 1000) {
    for (std::uint32_t i = 0; i < 1000; ++i) player.read("sampled", i % chunks * distance);
  }

  Capsule expert{{.chunk_bytes = ExpertPlayer::kChunkBytes}};
  ExpertPlayer player{expert};
};

TEST_F(CapsuleTest, WhatMissedInANeighbourhoodIsAskedForAtTheSecondOccasion) {
  sample(1, 6);
  EXPECT_EQ(player.read("a", 0), Asked{});
  EXPECT_EQ(player.read("a", 1), Asked{}) << "the first occasion for chunk 0";
  EXPECT_EQ(player.read("a", 2), Asked{"a:0"});
  EXPECT_EQ(player.read("a", 3), Asked{}) << "the others may come by themselves";
  EXPECT_EQ(player.read("a", kNeighbours), Asked{}) << "another neighbourhood";
  EXPECT_EQ(player.read("b", 2), Asked{}) << "another object";
}

TEST_F(CapsuleTest, OnlyMissesAreNoted) {
  sample(1, 6);
  player.hit = true;
  for (std::uint32_t chunk = 0; chunk < 6; ++chunk) EXPECT_EQ(player.read("a", chunk), Asked{});
}

TEST_F(CapsuleTest, ASparseSampleMakesWideNeighbourhoods) {
  sample(40);  // six of them lie in four narrow neighbourhoods
  player.read("a", 0);
  player.read("a", 3 * kNeighbours);
  EXPECT_EQ(player.read("a", 2 * kNeighbours), Asked{"a:0"});
  player.read("a", 4 * kNeighbours);
  EXPECT_EQ(player.read("a", 5 * kNeighbours), Asked{});
}

TEST_F(CapsuleTest, WhatIsNeverReadIsAskedForThreeTimes) {
  sample(1, 6);
  player.read("a", 0);
  std::size_t asked = 0;
  for (int i = 0; i < 60; ++i) asked += player.read("a", 1).size();
  EXPECT_EQ(asked, 3U);
}

TEST_F(CapsuleTest, WhatWasReadOnceStaysWorthIt) {
  sample(1, 6);
  player.read("a", 0);
  while (player.read("a", 1).empty()) {
  }
  player.read("a", 0);
  std::size_t asked = 0;
  for (int i = 0; i < 60; ++i) asked += player.read("a", 1).size();
  EXPECT_GT(asked, 3U);
}

}  // namespace
}  // namespace augurfs
