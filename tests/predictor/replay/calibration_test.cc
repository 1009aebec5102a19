#include "predictor/replay/calibration.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

TEST(Calibration, IsRightWhereAsManyAreUsedAsWasSaid) {
  Calibration calibration;
  EXPECT_EQ(calibration.error(), 0);
  for (std::uint32_t chunk = 0; chunk < 4; ++chunk) calibration.fetched({1, chunk}, 0.75F);
  for (std::uint32_t chunk = 0; chunk < 3; ++chunk) calibration.used({1, chunk});
  EXPECT_EQ(calibration.error(), 0);
}

TEST(Calibration, EachBinIsWeighedByItsChunks) {
  Calibration calibration;
  for (std::uint32_t chunk = 0; chunk < 3; ++chunk) calibration.fetched({1, chunk}, 1);
  calibration.fetched({2, 0}, 0.5F);
  for (std::uint32_t chunk = 0; chunk < 3; ++chunk) calibration.used({1, chunk});
  EXPECT_EQ(calibration.error(), 0.5 / 4) << "said a half, used none, one chunk of four";
}

TEST(Calibration, WhatIsUsedAgainOrWasNotFetchedDoesNotCount) {
  Calibration calibration;
  calibration.fetched({1, 0}, 1);
  for (int i = 0; i < 3; ++i) {
    calibration.used({1, 0});
    calibration.used({9, 9});
  }
  EXPECT_EQ(calibration.error(), 0);
}

}  // namespace
}  // namespace augurfs
