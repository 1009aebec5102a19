#include "cache/chunk_fates.h"

#include <gtest/gtest.h>

#include "support/chunk_store_fixture.h"
#include "support/manual_clock.h"

namespace augurfs {
namespace {

using End = ChunkFate::End;
using Use = ChunkFate::Use;

TEST(ChunkFates, AdjacentChunksOfOneFateAreOneRange) {
  ChunkFates fates;
  for (const std::uint32_t chunk : {5U, 3U, 4U, 0U}) fates.came({7, chunk}, {.account = 2});
  fates.came({8, 6}, {});
  fates.used({7, 4});
  const auto ranges = fates.of(7);
  ASSERT_EQ(ranges.size(), 4U);
  EXPECT_EQ(ranges[0].last, 0U);
  EXPECT_EQ(ranges[1].first, 3U);
  EXPECT_EQ(ranges[2].fate.use, Use::kInTime);
  EXPECT_EQ(ranges[3].first, 5U);
  fates.used({7, 3});
  fates.used({7, 5});
  EXPECT_EQ(fates.of(7).size(), 2U);
  EXPECT_TRUE(fates.of(9).empty());
}

TEST(ChunkFates, AChunkHasItsLatestFate) {
  ChunkFates fates;
  fates.came({7, 1}, {.origin = Origin::kPrefetch, .probability = 0.5F});
  fates.ended({7, 1}, End::kForDemand);
  EXPECT_EQ(fates.of(7).at(0).fate.end, End::kForDemand);
  fates.came({7, 1}, {});
  ASSERT_EQ(fates.of(7).size(), 1U);
  EXPECT_EQ(fates.of(7)[0].fate, ChunkFate{});
}

TEST(ChunkFates, TheOldestAreForgotten) {
  ChunkFates fates;
  constexpr std::uint32_t kMax = ChunkFates::kFatesMax;
  for (std::uint32_t chunk = 0; chunk < kMax; ++chunk) fates.came({7, chunk}, {});
  EXPECT_EQ(fates.of(7).at(0).last, kMax - 1);
  fates.came({7, 0}, {.account = 1});  // in the place of itself, the oldest
  fates.came({8, 0}, {});              // in the place of chunk 1
  fates.used({7, 1});
  fates.ended({7, 1}, End::kDamaged);
  const auto ranges = fates.of(7);
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0].last, 0U);
  EXPECT_EQ(ranges[0].fate.account, 1U);
  EXPECT_EQ(ranges[1].first, 2U);
}

TEST(ChunkFates, OneThatCameTwiceIsForgottenOnce) {
  ChunkFates fates;
  fates.came({7, 0}, {});
  fates.came({7, 0}, {});
  for (std::uint32_t chunk = 0; chunk < ChunkFates::kFatesMax - 1; ++chunk) {
    fates.came({8, chunk}, {});
  }
  EXPECT_EQ(fates.of(7).size(), 1U) << "the second is still there";
  fates.came({8, 1 << 20}, {});
  EXPECT_TRUE(fates.of(7).empty());
}

class StoredFatesTest : public ChunkStoreFixture {
 protected:
  StoredFatesTest() { options_.now = clock_.function(); }

  static ChunkCause prefetched(bool demanded = false, std::chrono::milliseconds due_in = {}) {
    ChunkCause cause(Origin::kPrefetch);
    cause.account = 3;
    cause.probability = 0.25F;
    cause.demanded = demanded;
    cause.due_in = due_in;
    return cause;
  }
  bool bring(std::uint32_t chunk, const ChunkCause& cause) {
    const std::uint64_t offset = std::uint64_t{chunk} * kChunkBytes;
    return store_->write(version_, chunk,
                         content(version_, offset, chunk_length(*store_, version_, chunk)), cause);
  }
  ChunkFate fate(std::uint32_t chunk) const {
    for (const FateRange& range : store_->fate(version_).remembered) {
      if (range.first <= chunk && chunk <= range.last) return range.fate;
    }
    ADD_FAILURE() << "nothing is remembered of chunk " << chunk;
    return {};
  }

  ManualClock clock_;                           // stands still: nothing becomes overdue
  static constexpr std::uint32_t kLast = 6000;  // more than there is room for, and shorter
  const Version version_{"object", "1", kLast* kChunkBytes + 5};
  std::unique_ptr<ChunkStore> store_;
};

TEST_F(StoredFatesTest, AChunkIsFollowedFromItsComingToItsEnd) {
  options_.size_bytes_max = quota_for(0);
  store_ = open_store(options_);
  EXPECT_EQ(store_->fate(version_).chunks, kLast + 1);
  EXPECT_EQ(store_->fate(version_).cached_chunks, 0U);
  ASSERT_TRUE(bring(0, Origin::kDemand));
  ASSERT_TRUE(bring(1, prefetched()));
  ASSERT_TRUE(bring(2, prefetched(true)));
  ASSERT_TRUE(bring(kLast, prefetched(false, std::chrono::hours{1})));
  const VersionFate known = store_->fate(version_);
  EXPECT_EQ(known.cached_chunks, 4U);
  EXPECT_EQ(known.cached_bytes, 3 * kChunkBytes + 5U);
  EXPECT_EQ(fate(0), ChunkFate{});
  EXPECT_EQ(fate(1), (ChunkFate{Origin::kPrefetch, Use::kNone, End::kNone, 3, 0.25F}));
  EXPECT_EQ(fate(2).use, Use::kLate);
  EXPECT_TRUE(get(*store_, version_, 1));
  EXPECT_EQ(fate(1).use, Use::kInTime);
  // Of what is staged, what is due last makes room, though it came first.
  for (std::uint32_t chunk = 3; store_->stats().evicted_bytes == 0; ++chunk) {
    ASSERT_TRUE(bring(chunk, prefetched()));
  }
  EXPECT_FALSE(store_->contains(version_, kLast));
  EXPECT_EQ(fate(kLast).end, End::kForPrefetch);
  EXPECT_EQ(fate(kLast).use, Use::kNone);
  EXPECT_EQ(store_->stats().regrets.regretted_bytes, 0U);
  ASSERT_TRUE(bring(kLast, Origin::kDemand));
  EXPECT_EQ(fate(kLast), ChunkFate{});
  EXPECT_EQ(store_->stats().regrets.too_early_bytes, 5U);
}

TEST_F(StoredFatesTest, WhatMadeRoomForAPrefetchAndWasWantedAgainIsPollution) {
  options_.size_bytes_max = quota_for(0);
  store_ = open_store(options_);
  std::uint32_t next = 0;
  while (store_->stats().evicted_bytes == 0) ASSERT_TRUE(bring(next++, Origin::kDemand));
  const std::uint32_t first_prefetched = next;
  while (next < first_prefetched + 20) ASSERT_TRUE(bring(next++, prefetched()));
  std::uint32_t victim = 0;
  while (victim < first_prefetched && fate(victim).end != End::kForPrefetch) ++victim;
  ASSERT_LT(victim, first_prefetched) << "nothing made room for a prefetch";
  EXPECT_EQ(store_->stats().regrets.polluted_bytes, 0U);
  ASSERT_TRUE(bring(victim, Origin::kDemand));
  EXPECT_EQ(store_->stats().regrets.polluted_bytes, kChunkBytes);
  EXPECT_EQ(store_->stats().regrets.regretted_bytes, kChunkBytes);
}

TEST_F(StoredFatesTest, WhatIsDamagedOrNotKeptIsSaid) {
  store_ = open_store(options_);
  ASSERT_TRUE(bring(0, Origin::kDemand));
  for (const auto& file : object_files(options_.directory)) std::filesystem::remove(file);
  store_ = nullptr;
  store_ = open_store(options_);
  EXPECT_EQ(store_->fate(version_).cached_chunks, 1U);
  EXPECT_TRUE(store_->fate(version_).remembered.empty()) << "of an earlier run";
  EXPECT_FALSE(get(*store_, version_, 0));
  ASSERT_TRUE(bring(1, Origin::kDemand));
  EXPECT_FALSE(store_->write(version_, 2, std::vector<std::byte>(5), prefetched()));
  EXPECT_EQ(fate(2).end, End::kUnkept);
  for (const auto& file : object_files(options_.directory)) {
    std::filesystem::resize_file(file, 1);
  }
  EXPECT_FALSE(get(*store_, version_, 1));
  EXPECT_EQ(fate(1).end, End::kDamaged);
}

}  // namespace
}  // namespace augurfs
