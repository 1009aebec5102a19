#include "remote/result.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return Error{ErrorCode::kInvalid, "odd"};
  return value / 2;
}

TEST(Result, HoldsAValueOrAnError) {
  ASSERT_TRUE(half(4));
  EXPECT_EQ(*half(4), 2);
  ASSERT_FALSE(half(3));
  EXPECT_EQ(half(3).error().code, ErrorCode::kInvalid);
}

TEST(Error, GainsContextInFrontOfItsMessage) {
  EXPECT_EQ(half(3).error().in("halving 3").message, "halving 3: odd");
}

}  // namespace
}  // namespace augurfs
