#include "predictor/experts/byte_price.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

TEST(BytePrice, RisesWhileMoreIsSpentThanAllowedAndFallsWhileLess) {
  BytePrice price({.first = 1});
  price.account(200, 100);
  const double dear = price.price();
  EXPECT_GT(dear, 1);
  price.account(0, 1000);
  EXPECT_LT(price.price(), dear);
}

TEST(BytePrice, StaysWhereItIsWhileNothingHappens) {
  BytePrice price({.first = 1});
  price.account(0, 0);
  EXPECT_EQ(price.price(), 1);
}

TEST(BytePrice, StaysWithinItsBounds) {
  BytePrice price({.first = 1, .min = 0.5, .max = 2});
  for (int i = 0; i < 1000; ++i) price.account(100, 0);
  EXPECT_EQ(price.price(), 2);
  for (int i = 0; i < 10'000; ++i) price.account(0, 100);
  EXPECT_EQ(price.price(), 0.5);
}

// Who buys less the more it costs, and at first three times what is allowed.
TEST(BytePrice, KeepsABuyerToItsBudget) {
  constexpr double kAllowed = 100;
  BytePrice price({.first = 0.3});
  double spent_late = 0;
  for (int i = 0; i < 4000; ++i) {
    const double spent = kAllowed * 3.9 / (1 + price.price());
    price.account(spent, kAllowed);
    if (i >= 2000) spent_late += spent;
  }
  EXPECT_NEAR(spent_late / (2000 * kAllowed), 1, 0.05);
}

}  // namespace
}  // namespace augurfs
