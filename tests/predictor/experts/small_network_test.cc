#include "predictor/experts/small_network.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

using Network = SmallNetwork<3, 8>;

TEST(SmallNetwork, LearnsWhatNoSingleInputTells) {
  Network network(1);
  std::mt19937 random(2);
  for (int i = 0; i < 20'000; ++i) {
    const bool a = random() % 2 == 0;
    const bool b = random() % 2 == 0;
    network.train({a ? 1.0F : 0.0F, b ? 1.0F : 0.0F, 1.0F}, a != b);
  }
  EXPECT_GT(network.score({1, 0, 1}), 0.75F);
  EXPECT_GT(network.score({0, 1, 1}), 0.75F);
  EXPECT_LT(network.score({0, 0, 1}), 0.25F);
  EXPECT_LT(network.score({1, 1, 1}), 0.25F);
}

TEST(SmallNetwork, SaysHowOftenItWasSo) {
  Network network(1);
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) network.train({1, 0, 0}, random() % 4 == 0);
  EXPECT_NEAR(network.score({1, 0, 0}), 0.25F, 0.05F);
}

TEST(SmallNetwork, IsTheSameForTheSameSeedAndExamples) {
  Network a(7);
  Network b(7);
  Network c(8);
  for (int i = 0; i < 100; ++i) {
    const Network::Input input{static_cast<float>(i % 3), static_cast<float>(i % 5), 1};
    a.train(input, i % 2 == 0);
    b.train(input, i % 2 == 0);
    c.train(input, i % 2 == 0);
  }
  EXPECT_EQ(a.score({1, 2, 1}), b.score({1, 2, 1}));
  EXPECT_NE(a.score({1, 2, 1}), c.score({1, 2, 1}));
}

}  // namespace
}  // namespace augurfs
