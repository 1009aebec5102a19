#include "predictor/experts/ghost_cache.h"

#include <gtest/gtest.h>

#include <array>

namespace augurfs {
namespace {

using std::chrono::milliseconds;

constexpr Tick kFetch = milliseconds(100);
constexpr std::uint32_t kBytes = 1000;

GhostCache::Chunk chunk(std::uint32_t number) { return {{1, number}, kBytes}; }

// For one thread.
class GhostCacheTest : public testing::Test {
 protected:
  milliseconds read(std::uint32_t number, int at_ms) {
    return std::chrono::duration_cast<milliseconds>(
        ghost.read(chunk(number), milliseconds(at_ms), kFetch));
  }
  void prefetch(std::uint32_t number, int at_ms) {
    const std::array one{chunk(number)};
    ghost.prefetch(one, milliseconds(at_ms), milliseconds(at_ms), kFetch, 1);
  }

  GhostCache ghost{{.cache_bytes = 4 * kBytes, .flights_max = 1, .chunks_flying_max = 3}};
};

TEST_F(GhostCacheTest, AReadWaitsForAFetchAndTheNextForItsRestOrNothing) {
  EXPECT_EQ(read(1, 0), milliseconds(100));
  EXPECT_EQ(read(1, 60), milliseconds(40));
  EXPECT_EQ(read(1, 100), milliseconds(0));
  EXPECT_EQ(ghost.fetched_bytes(), kBytes);
}

TEST_F(GhostCacheTest, WhatIsPrefetchedIsThereAFetchLater) {
  prefetch(1, 0);
  EXPECT_EQ(read(1, 70), milliseconds(30));
  prefetch(2, 100);
  EXPECT_EQ(read(2, 200), milliseconds(0));
  EXPECT_EQ(ghost.fetched_bytes(), 2 * kBytes);
}

TEST_F(GhostCacheTest, APrefetchWaitsForItsTurnUnlessItIsRead) {
  prefetch(1, 0);
  prefetch(2, 0);
  prefetch(3, 0);
  EXPECT_EQ(read(2, 110), milliseconds(90));
  EXPECT_EQ(read(3, 110), milliseconds(100)) << "would have begun at 200";
}

TEST_F(GhostCacheTest, WhatIsThereOrOnItsWayIsNotFetchedAgain) {
  read(1, 0);
  prefetch(1, 10);
  prefetch(2, 10);
  prefetch(2, 20);
  prefetch(2, 200);
  EXPECT_EQ(ghost.fetched_bytes(), 2 * kBytes);
}

TEST_F(GhostCacheTest, TooManyPrefetchesAtOnceAreRefused) {
  for (std::uint32_t i = 0; i < 10; ++i) prefetch(i, 0);
  EXPECT_EQ(ghost.fetched_bytes(), 3 * kBytes);
}

TEST_F(GhostCacheTest, TheBytesOfAPrefetchAreSettledWhenItIsRead) {
  prefetch(1, 0);
  prefetch(2, 0);
  EXPECT_EQ(ghost.settled_bytes(), 0U);
  read(1, 300);
  EXPECT_EQ(ghost.settled_bytes(), kBytes);
  read(1, 400);
  read(3, 500);
  EXPECT_EQ(ghost.settled_bytes(), 2 * kBytes) << "and those of a miss at once";
  EXPECT_EQ(ghost.fetched_bytes(), 3 * kBytes);
}

TEST_F(GhostCacheTest, APrefetchThatIsNotReadIsSettledAfterSoManyPeriods) {
  GhostCache slow({.cache_bytes = 4 * kBytes, .periods_to_prove = 3});
  const std::array one{chunk(1)};
  slow.prefetch(one, {}, {}, kFetch, 1);
  slow.end_period();
  slow.end_period();
  EXPECT_EQ(slow.settled_bytes(), 0U);
  slow.end_period();
  EXPECT_EQ(slow.settled_bytes(), kBytes);
  slow.read(one[0], milliseconds(200), kFetch);
  EXPECT_EQ(slow.settled_bytes(), kBytes) << "once";
}

TEST_F(GhostCacheTest, WhatIsEvictedUnusedAndPrefetchedAgainIsSettledTwice) {
  prefetch(1, 0);
  for (std::uint32_t i = 10; i < 20; ++i) prefetch(i, 200 + static_cast<int>(i) * 100);
  prefetch(1, 5000);
  read(1, 6000);
  for (int i = 0; i < 16; ++i) ghost.end_period();
  EXPECT_EQ(ghost.settled_bytes(), ghost.fetched_bytes());
  EXPECT_EQ(ghost.settled_bytes(), 12 * kBytes);
}

TEST_F(GhostCacheTest, OfTooManyUnprovenTheOldestIsSettled) {
  GhostCache small({.cache_bytes = 100 * kBytes, .unproven_max = 3});
  for (std::uint32_t i = 0; i < 5; ++i) {
    const std::array one{chunk(i)};
    small.prefetch(one, {}, {}, kFetch, 1);
  }
  EXPECT_EQ(small.settled_bytes(), 2 * kBytes);
}

TEST_F(GhostCacheTest, HoldsNoMoreThanTheCacheWould) {
  int at_ms = 0;
  for (std::uint32_t i = 0; i < 100; ++i) read(i, at_ms += 200);
  EXPECT_LE(ghost.chunks(), 5U);
  EXPECT_EQ(read(0, at_ms + 200), milliseconds(100));
}

TEST_F(GhostCacheTest, AClockThatJumpsBackNeitherFillsItNorStopsIt) {
  constexpr int kDayMs = 86'400'000;
  prefetch(1, kDayMs);
  for (std::uint32_t i = 10; i < 1000; ++i) read(i, 0);
  EXPECT_LE(ghost.chunks(), 10U);
  prefetch(2, 0);
  EXPECT_EQ(read(2, 100), milliseconds(0));
}

}  // namespace
}  // namespace augurfs
