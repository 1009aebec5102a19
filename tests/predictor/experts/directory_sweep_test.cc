#include "predictor/experts/directory_sweep.h"

#include <gtest/gtest.h>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

// A player that knows d/00 .. d/39, of one chunk each, as listed.
class DirectorySweepTest : public testing::Test {
 protected:
  DirectorySweepTest() {
    player.object_bytes = ExpertPlayer::kChunkBytes;
    std::vector<ObjectInfo> listing;
    for (int i = 0; i < 40; ++i) {
      player.know(name(i));
      listing.push_back({{name(i), "", player.object_bytes}, {}});
    }
    player.catalog.list("d/", listing);
  }
  static std::string name(int i) {
    return std::string("d/") + static_cast<char>('0' + i / 10) + static_cast<char>('0' + i % 10);
  }
  Asked read(int i) { return player.read(name(i)); }

  DirectorySweep expert{DirectorySweepOptions{.window_max = 8}};
  ExpertPlayer player{expert};
};

TEST_F(DirectorySweepTest, TheThirdChildInOrderBringsTheNextOnes) {
  EXPECT_EQ(read(0), Asked{});
  EXPECT_EQ(read(1), Asked{});
  EXPECT_EQ(read(2), (Asked{"d/03:0", "d/04:0"}));
  EXPECT_EQ(read(3), (Asked{"d/05:0", "d/06:0", "d/07:0"})) << "four ahead of the reader";
  EXPECT_EQ(read(4).size(), 5U) << "eight ahead";
  EXPECT_EQ(read(5), Asked{"d/13:0"}) << "and no more than that";
}

TEST_F(DirectorySweepTest, ReadingOneChildTwiceIsNoStep) {
  read(0);
  read(1);
  EXPECT_EQ(read(1), Asked{});
  EXPECT_EQ(read(2).size(), 2U);
}

TEST_F(DirectorySweepTest, AFewLeftOutDoNotEndTheSweep) {
  read(0);
  read(2);
  EXPECT_EQ(read(5), (Asked{"d/06:0", "d/07:0"}));
}

TEST_F(DirectorySweepTest, ReadsHereAndThereBringNothing) {
  for (const int i : {5, 30, 2, 17, 9, 38}) EXPECT_EQ(read(i), Asked{});
}

TEST_F(DirectorySweepTest, NothingBehindTheLastChildIsAskedFor) {
  read(36);
  read(37);
  EXPECT_EQ(read(38), Asked{"d/39:0"});
  EXPECT_EQ(read(39), Asked{});
}

TEST_F(DirectorySweepTest, StreamsAreKeptApart) {
  player.read(name(0), 0, 1);
  player.read(name(1), 0, 2);
  EXPECT_EQ(player.read(name(2), 0, 1), Asked{});
}

}  // namespace
}  // namespace augurfs
