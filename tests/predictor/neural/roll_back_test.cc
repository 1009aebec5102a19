#include "predictor/neural/roll_back.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

TEST(RollBack, WeightsWhoseLossDoublesAreThoseOfBeforeAgain) {
  NeuralWeights weights(1);
  RollBack roll_back;
  for (std::uint64_t i = 0; i < RollBack::kKeepBatches; ++i) {
    EXPECT_FALSE(roll_back.watch(1, weights));
  }
  const float good = weights.values()[5];
  weights.values()[5] = 100;
  int batches = 0;
  while (!roll_back.watch(3, weights) && batches < 1000) ++batches;
  EXPECT_GT(batches, 5);  // one bad batch is none
  EXPECT_LT(batches, 200);
  EXPECT_EQ(weights.values()[5], good);
}

TEST(RollBack, AWorldThatHasBecomeHarderIsAcceptedInTheEnd) {
  NeuralWeights weights(1);
  RollBack roll_back;
  for (std::uint64_t i = 0; i < RollBack::kKeepBatches; ++i) roll_back.watch(1, weights);
  int times = 0;
  for (int i = 0; i < 5000; ++i) times += roll_back.watch(7, weights) ? 1 : 0;
  EXPECT_GE(times, 1);
  EXPECT_LE(times, 3);
}

TEST(RollBack, ALossThatFallsChangesNothing) {
  NeuralWeights weights(1);
  RollBack roll_back;
  for (int i = 0; i < 2000; ++i) {
    EXPECT_FALSE(roll_back.watch(2000.0F - static_cast<float>(i), weights));
  }
  EXPECT_LT(*roll_back.loss(), 100);
}

}  // namespace
}  // namespace augurfs
