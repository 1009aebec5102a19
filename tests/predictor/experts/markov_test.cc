#include "predictor/experts/markov.h"

#include <gtest/gtest.h>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

TEST(Markov, AsksForWhatFollowedOftenEnough) {
  Markov expert({.chunk_bytes = ExpertPlayer::kChunkBytes, .probability_min = 0.3});
  ExpertPlayer player(expert);
  EXPECT_EQ(player.read_all({"a", "b", "a", "c"}), Asked{});
  EXPECT_EQ(player.read("a"), (Asked{"b:0", "c:0"})) << "each after one of two";
  EXPECT_FLOAT_EQ(player.candidates[0].probability, 0.5F);
  EXPECT_EQ(player.read_all({"b", "a", "b", "a"}), Asked{"b:0"}) << "three of four";
  EXPECT_FLOAT_EQ(player.candidates[0].probability, 0.75F);
}

TEST(Markov, ARepeatedReadIsNoStep) {
  Markov expert({.chunk_bytes = ExpertPlayer::kChunkBytes});
  ExpertPlayer player(expert);
  player.read_all({"a", "a", "b", "b"});
  EXPECT_EQ(player.read("a"), Asked{"b:0"});
}

TEST(Markov, LearnsFromAllStreamsAndMixesNone) {
  Markov expert({.chunk_bytes = ExpertPlayer::kChunkBytes});
  ExpertPlayer player(expert);
  player.read("a", 0, 1);
  player.read("x", 0, 2);
  player.read("b", 0, 1);
  EXPECT_EQ(player.read("a", 0, 3), Asked{"b:0"});
}

}  // namespace
}  // namespace augurfs
