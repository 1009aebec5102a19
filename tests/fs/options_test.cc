#include "fs/options.h"

#include <gtest/gtest.h>

#include <limits>

namespace augurfs {
namespace {

TEST(SizeOrShare, ASizeIsWhatItIsWhateverTheDisk) {
  EXPECT_EQ((SizeOrShare{.bytes = 7, .share = 0}).resolve(1000), 7U);
  EXPECT_EQ((SizeOrShare{}).resolve(1000), 0U);
}

TEST(SizeOrShare, AShareIsOfTheDisk) {
  EXPECT_EQ((SizeOrShare{.bytes = 0, .share = .25}).resolve(1000), 250U);
  EXPECT_EQ((SizeOrShare{.bytes = 0, .share = .25}).resolve(0), 0U);
}

TEST(SizeOrShare, AShareNeverExceedsTheDisk) {
  constexpr auto kDiskMax = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ((SizeOrShare{.bytes = 0, .share = 1}).resolve(kDiskMax), kDiskMax);
  EXPECT_LE((SizeOrShare{.bytes = 0, .share = .999}).resolve(kDiskMax), kDiskMax);
}

}  // namespace
}  // namespace augurfs
