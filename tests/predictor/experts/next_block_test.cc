#include "predictor/experts/next_block.h"

#include <gtest/gtest.h>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

TEST(NextBlock, AsksForTheChunkBehindEachRead) {
  NextBlock expert(ExpertPlayer::kChunkBytes);
  ExpertPlayer player(expert);
  EXPECT_EQ(player.read("a", 3), Asked{"a:4"});
  EXPECT_EQ(player.read("a", 3), Asked{"a:4"});
  EXPECT_EQ(player.read("a", 98), Asked{"a:99"});
  EXPECT_EQ(player.read("a", 99), Asked{}) << "behind the end";
}

TEST(NextBlock, AsksForAsManyAsItIsDeep) {
  NextBlock expert(ExpertPlayer::kChunkBytes, 3);
  ExpertPlayer player(expert);
  EXPECT_EQ(player.read("a", 3), (Asked{"a:4", "a:5", "a:6"}));
  EXPECT_EQ(player.read("a", 97), (Asked{"a:98", "a:99"}));
}

}  // namespace
}  // namespace augurfs
