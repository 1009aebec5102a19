#include "cache/eviction.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace augurfs {
namespace {

using Slots = std::vector<std::uint32_t>;

Slots drained(Eviction& eviction) {
  Slots order;
  for (std::uint32_t slot = eviction.evict(Origin::kDemand); slot != Eviction::kNone;
       slot = eviction.evict(Origin::kDemand)) {
    order.push_back(slot);
  }
  return order;
}

Incoming demanded(std::uint64_t key) { return {.key = key}; }
Incoming staged(std::uint64_t key, std::uint64_t now_ms, std::uint64_t due_ms) {
  return {.key = key, .origin = Origin::kPrefetch, .now_ms = now_ms, .due_ms = due_ms};
}

TEST(Eviction, HasNoVictimWhenEmpty) {
  Eviction eviction;
  EXPECT_EQ(eviction.evict(Origin::kDemand), Eviction::kNone);
}

TEST(Eviction, OfLruTakesTheLeastRecentlyUsedFirst) {
  Eviction eviction({.rule = EvictionRule::kLru});
  for (const std::uint32_t slot : {5U, 0U, 3U, 1U}) eviction.add(slot, demanded(slot));
  eviction.use(0);
  eviction.use(5);
  eviction.use(5);
  EXPECT_EQ(drained(eviction), (Slots{3, 1, 0, 5}));
}

TEST(Eviction, ForgetsWhatIsRemovedFromAnywhere) {
  Eviction eviction;
  for (std::uint32_t slot = 0; slot < 5; ++slot) eviction.add(slot, demanded(slot));
  for (const std::uint32_t slot : {0U, 2U, 4U}) eviction.remove(slot);
  eviction.remove(2);
  eviction.add(2, demanded(2));
  EXPECT_EQ(drained(eviction), (Slots{1, 3, 2}));
}

TEST(Eviction, ANewcomerGoesBeforeWhatWasUsedTwice) {
  Eviction eviction;
  for (std::uint32_t slot = 0; slot < 4; ++slot) eviction.add(slot, demanded(slot));
  eviction.use(0);
  eviction.use(0);
  eviction.use(1);
  EXPECT_EQ(drained(eviction), (Slots{1, 2, 3, 0}));
}

// A scan of what is read once, each chunk in eight pieces, takes the small queue's tenth and no
// more.
TEST(Eviction, AScanDoesNotPushOutWhatIsUsed) {
  Eviction eviction;
  for (std::uint32_t slot = 0; slot < 100; ++slot) eviction.add(slot, demanded(slot));
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t slot = 0; slot < 100; ++slot) eviction.use(slot);
  }
  std::uint32_t free = 100;
  std::set<std::uint32_t> pushed_out;
  for (std::uint64_t key = 1000; key < 2000; ++key) {
    eviction.add(free, demanded(key));
    for (int piece = 1; piece < 8; ++piece) eviction.use(free);
    free = eviction.evict(Origin::kDemand);
    pushed_out.insert(free);
  }
  EXPECT_LE(pushed_out.size(), 13U);
}

TEST(Eviction, UsesOfAChunkWithFewOthersBetweenThemAreOne) {
  Eviction eviction;
  for (std::uint32_t slot = 0; slot < 100; ++slot) eviction.add(slot, demanded(slot));
  for (int piece = 0; piece < 8; ++piece) eviction.use(0);
  for (int round = 0; round < 2; ++round) {
    for (const std::uint32_t slot : {1U, 2U, 3U}) eviction.use(slot);
  }
  const Slots order = drained(eviction);
  EXPECT_EQ(order.front(), 0U);
  EXPECT_EQ(Slots(order.end() - 3, order.end()), (Slots{1, 2, 3}));
}

TEST(Eviction, WhatComesBackSoonIsKeptForLonger) {
  Eviction eviction;
  for (std::uint32_t slot = 0; slot < 4; ++slot) eviction.add(slot, demanded(slot));
  ASSERT_EQ(eviction.evict(Origin::kDemand), 0U);
  eviction.add(0, demanded(0));
  EXPECT_EQ(eviction.stats().regretted_bytes, 1U);
  EXPECT_EQ(drained(eviction), (Slots{1, 2, 3, 0}));
}

TEST(Eviction, WhatIsStagedMakesRoomForItselfOnly) {
  Eviction eviction({.staging_share = 0.5});
  for (std::uint32_t slot = 0; slot < 3; ++slot) eviction.add(slot, demanded(slot));
  for (std::uint32_t slot = 3; slot < 7; ++slot) eviction.add(slot, staged(slot, 0, 100));
  EXPECT_GE(eviction.evict(Origin::kPrefetch), 3U) << "more than its share";
  EXPECT_EQ(eviction.evict(Origin::kPrefetch), 0U) << "within its share";
}

TEST(Eviction, WithoutStagingWhatIsPrefetchedComesInLikeTheRest) {
  Eviction eviction({.has_staging = false});
  eviction.add(0, staged(0, 1000, 9000));
  eviction.add(1, demanded(1));
  eviction.add(2, staged(2, 1000, 1050));
  EXPECT_EQ(drained(eviction), (Slots{0, 1, 2}));
}

TEST(Eviction, OfWhatIsStagedTheLongestOverdueGoesFirstElseWhatIsDueLast) {
  Eviction eviction({.staging_share = 0});
  eviction.add(0, staged(0, 1000, 1050));
  eviction.add(1, staged(1, 1000, 9000));
  eviction.add(2, staged(2, 1000, 1400));
  EXPECT_EQ(eviction.evict(Origin::kPrefetch), 1U);
  eviction.add(3, staged(3, 4000, 60'000));  // now two are overdue
  EXPECT_EQ(eviction.evict(Origin::kPrefetch), 0U);
  EXPECT_EQ(eviction.evict(Origin::kPrefetch), 2U);
  EXPECT_EQ(eviction.evict(Origin::kPrefetch), 3U);
}

TEST(Eviction, TheFirstUseOfAStagedChunkMakesItANewcomer) {
  Eviction eviction({.staging_share = 0});
  eviction.add(0, staged(0, 0, 10));
  eviction.add(1, staged(1, 0, 10));
  eviction.use(0);
  EXPECT_EQ(drained(eviction), (Slots{1, 0}));
}

TEST(Eviction, TheClockMayWrapAround) {
  constexpr std::uint64_t kLate = (std::uint64_t{1} << 32U) - 10;
  Eviction eviction({.staging_share = 0});
  eviction.add(0, staged(0, kLate, kLate + 5));
  eviction.add(1, staged(1, kLate, kLate + 1000));
  eviction.add(2, staged(2, kLate + 5000, kLate + 5020));
  EXPECT_EQ(eviction.evict(Origin::kPrefetch), 0U);
}

TEST(Eviction, TellsWhyADemandedChunkWasGone) {
  Eviction eviction({.staging_share = 0.5});
  for (std::uint32_t slot = 0; slot < 4; ++slot) eviction.add(slot, demanded(slot));
  ASSERT_EQ(eviction.evict(Origin::kPrefetch), 0U);
  ASSERT_EQ(eviction.evict(Origin::kDemand), 1U);
  eviction.add(0, demanded(0));
  EXPECT_EQ(eviction.stats().polluted_bytes, 1U);
  eviction.add(1, demanded(1));
  EXPECT_EQ(eviction.stats().polluted_bytes, 1U);
  for (std::uint32_t slot = 4; slot < 9; ++slot) eviction.add(slot, staged(slot, 0, 10));
  const std::uint32_t unused = eviction.evict(Origin::kDemand);
  ASSERT_GE(unused, 4U);
  eviction.add(unused, demanded(unused));
  EXPECT_EQ(eviction.stats().too_early_bytes, 1U);
  EXPECT_EQ(eviction.stats().polluted_bytes, 1U);
  EXPECT_EQ(eviction.stats().regretted_bytes, 3U);
}

TEST(Eviction, WhatAnEarlierRunUsedOftenIsNoNewcomer) {
  Eviction eviction;
  eviction.add(0, {.key = 0, .uses = 3});
  eviction.add(1, {.key = 1, .origin = Origin::kPrefetch, .uses = 1});
  eviction.add(2, demanded(2));
  EXPECT_EQ(drained(eviction), (Slots{1, 2, 0}));
}

// Whatever happens: each chunk leaves once, and all of them leave.
TEST(Eviction, AnyCallsLoseNothingAndRepeatNothing) {
  for (const auto rule : {EvictionRule::kLru, EvictionRule::kS3Fifo}) {
    std::mt19937_64 random(4);
    Eviction eviction({.rule = rule});
    std::set<std::uint32_t> present;
    for (std::uint64_t step = 0; step < 50'000; ++step) {
      const auto slot = static_cast<std::uint32_t>(random() % 200);
      if (present.contains(slot)) {
        if (random() % 3 == 0) {
          eviction.remove(slot);
          present.erase(slot);
        } else {
          eviction.use(slot);
        }
      } else if (random() % 2 == 0) {
        eviction.add(slot, {.key = random() % 1000,
                            .origin = random() % 2 == 0 ? Origin::kDemand : Origin::kPrefetch,
                            .now_ms = step,
                            .due_ms = step + random() % 500});
        present.insert(slot);
      } else if (!present.empty()) {
        const std::uint32_t victim =
            eviction.evict(random() % 2 == 0 ? Origin::kDemand : Origin::kPrefetch);
        EXPECT_EQ(present.erase(victim), 1U);
      }
    }
    const Slots rest = drained(eviction);
    EXPECT_EQ(rest.size(), present.size());
    EXPECT_EQ(std::set(rest.begin(), rest.end()), present);
  }
}

}  // namespace
}  // namespace augurfs
