#include "cache/space.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

constexpr std::uint64_t kBlock = 4096;
constexpr Space::DiskFree kEmptyDisk{1U << 30U, 0};

TEST(Space, ChargesWholeBlocksAndTheirBookkeeping) {
  const Space space(1U << 20U, 0, kBlock, 0);
  EXPECT_EQ(space.chunk_charge(1), kBlock + kBlock / 128);
  EXPECT_EQ(space.chunk_charge(kBlock), kBlock + kBlock / 128);
  EXPECT_EQ(space.chunk_charge(kBlock + 1), 2 * (kBlock + kBlock / 128));
  EXPECT_EQ(space.file_charge(4 * kBlock), 0U) << "its extents fit into the inode";
  EXPECT_EQ(space.file_charge(4 * kBlock + 1), kBlock);
}

TEST(Space, IsShortOfWhatExceedsTheQuota) {
  Space space(1000, 0, 1, 100);
  EXPECT_EQ(space.shortage(900, kEmptyDisk), 0U);
  EXPECT_EQ(space.shortage(901, kEmptyDisk), 1U);
  space.take(500);
  space.set_overhead(50);
  EXPECT_EQ(space.shortage(350, kEmptyDisk), 0U);
  EXPECT_EQ(space.shortage(360, kEmptyDisk), 10U);
  space.give_back(500);
  EXPECT_EQ(space.shortage(850, kEmptyDisk), 0U);
  EXPECT_EQ(space.used(), 50U);
}

TEST(Space, IsShortOfWhatWouldCrossTheFloor) {
  const Space space(1U << 30U, 200, 1, 100);
  EXPECT_EQ(space.shortage(700, {1000, 0}), 0U);
  EXPECT_EQ(space.shortage(701, {1000, 0}), 1U);
}

TEST(Space, CountsWhatIsOnItsWayToTheDiskAgainstTheFloor) {
  Space space(1U << 30U, 200, 1, 0);
  space.take(300);
  EXPECT_EQ(space.shortage(600, {1000, space.written()}), 100U);
  const std::uint64_t before = space.written();
  space.settle(300);
  EXPECT_EQ(space.shortage(600, {1000, before}), 100U) << "the disk was asked before it landed";
  EXPECT_EQ(space.shortage(500, {700, space.written()}), 0U);
}

}  // namespace
}  // namespace augurfs
