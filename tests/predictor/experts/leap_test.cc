#include "predictor/experts/leap.h"

#include <gtest/gtest.h>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

TEST(Leap, FollowsTheMajorityOfTheStrides) {
  Leap expert({.chunk_bytes = ExpertPlayer::kChunkBytes});
  ExpertPlayer player(expert);
  EXPECT_EQ(player.read("a", 10), Asked{});
  EXPECT_EQ(player.read("a", 13), Asked{"a:16"}) << "the one stride there is";
  player.hit = true;
  EXPECT_EQ(player.read("a", 16), (Asked{"a:19", "a:22"})) << "a hit widens the window";
  player.hit = false;
  EXPECT_EQ(player.read("a", 50), Asked{"a:53"}) << "off the trend, which still has the majority";
}

TEST(Leap, WithoutAMajorityAsksForNothing) {
  Leap expert({.chunk_bytes = ExpertPlayer::kChunkBytes});
  ExpertPlayer player(expert);
  player.read("a", 0);
  player.read("a", 1);
  EXPECT_EQ(player.read("a", 5), Asked{});
  EXPECT_EQ(player.read("a", 2), Asked{});
}

TEST(Leap, KeepsStreamsApart) {
  Leap expert({.chunk_bytes = ExpertPlayer::kChunkBytes});
  ExpertPlayer player(expert);
  player.read("a", 0, 1);
  player.read("a", 50, 2);
  EXPECT_EQ(player.read("a", 1, 1), Asked{"a:2"});
  EXPECT_EQ(player.read("a", 48, 2), Asked{"a:46"}) << "backwards";
}

TEST(Leap, NothingBehindEitherEndIsAskedFor) {
  Leap expert({.chunk_bytes = ExpertPlayer::kChunkBytes});
  ExpertPlayer player(expert);
  player.read("a", 96);
  EXPECT_EQ(player.read("a", 99), Asked{});
  player.read("b", 3);
  EXPECT_EQ(player.read("b", 1), Asked{});
}

}  // namespace
}  // namespace augurfs
