#include "predictor/experts/ppm.h"

#include <gtest/gtest.h>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

PpmOptions options() { return {.chunk_bytes = ExpertPlayer::kChunkBytes, .probability_min = 0.2}; }

TEST(Ppm, GoesSeveralStepsAheadWithFallingProbability) {
  Ppm expert(options());
  ExpertPlayer player(expert);
  EXPECT_EQ(player.read_all({"a", "b", "c", "d", "e"}), Asked{});
  // Of order 1, seen once: 1 / (1 + 1). Then of order 2: 1 / (1 + 1/2), and 3: 1 / (1 + 1/4).
  EXPECT_EQ(player.read("a"), (Asked{"b:0", "c:0", "d:0", "e:0"}));
  EXPECT_NEAR(player.candidates[0].probability, 0.5, 1e-6);
  EXPECT_NEAR(player.candidates[1].probability, 0.5 / 1.5, 1e-6);
  EXPECT_NEAR(player.candidates[2].probability, 0.5 / 1.5 / 1.25, 1e-6);
  EXPECT_NEAR(player.candidates[3].probability, 0.5 / 1.5 / 1.25 / 1.25, 1e-6);
  EXPECT_GT(player.candidates[3].expected_in, player.candidates[0].expected_in);
}

TEST(Ppm, ALongerContextKnowsBetter) {
  Ppm expert(options());
  ExpertPlayer player(expert);
  player.read_all({"x", "a", "1", "y", "a", "2", "z"});
  EXPECT_EQ(player.read_all({"x", "a"}).front(), "1:0");
  EXPECT_EQ(player.read_all({"1", "z", "y", "a"}).front(), "2:0");
}

TEST(Ppm, AProgramsOwnPastCountsMoreThanThatOfAll) {
  Ppm expert(options());
  ExpertPlayer player(expert);
  for (std::uint64_t stream = 10; stream < 14; ++stream) {
    player.read("a", 0, stream, 7);
    player.read("b", 0, stream, 7);
  }
  player.read("a", 0, 20, 8);
  player.read("c", 0, 20, 8);
  EXPECT_EQ(player.read("a", 0, 21, 8), Asked{"c:0"});
  EXPECT_EQ(player.read("a", 0, 22, 7).front(), "b:0");
  EXPECT_EQ(player.read("a", 0, 23, 9).front(), "b:0") << "a program not seen before";
}

TEST(Ppm, AStepThatIsTooUnlikelyEndsTheChain) {
  Ppm expert({.chunk_bytes = ExpertPlayer::kChunkBytes, .probability_min = 0.4});
  ExpertPlayer player(expert);
  player.read_all({"a", "b", "c", "d", "e"});
  EXPECT_EQ(player.read("a"), Asked{"b:0"});
}

TEST(Ppm, ItsMemoryIsBounded) {
  Ppm expert({.chunk_bytes = ExpertPlayer::kChunkBytes, .contexts_max = 64, .streams_max = 8});
  ExpertPlayer player(expert);
  for (int i = 0; i < 10'000; ++i)
    player.read(std::to_string(i), 0, static_cast<unsigned>(i % 100));
  player.read_all({"a", "b"});
  EXPECT_EQ(player.read("a").front(), "b:0") << "what was just seen is still known";
}

}  // namespace
}  // namespace augurfs
