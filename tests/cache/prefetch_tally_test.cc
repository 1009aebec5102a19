#include "cache/prefetch_tally.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <span>
#include <string>

#include "support/chunk_store_fixture.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;

ChunkCause prefetched(std::uint32_t account, bool demanded = false) {
  ChunkCause cause(Origin::kPrefetch);
  cause.account = account;
  cause.demanded = demanded;
  cause.fetch_time = milliseconds{100};
  cause.head_start = milliseconds{demanded ? 30 : 0};
  return cause;
}

class PrefetchTallyTest : public ChunkStoreFixture {
 protected:
  static bool bring(ChunkStore& store, const Version& version, std::uint32_t chunk,
                    const ChunkCause& cause) {
    const std::uint64_t offset = std::uint64_t{chunk} * kChunkBytes;
    return store.write(version, chunk,
                       content(version, offset, chunk_length(store, version, chunk)), cause);
  }
  std::unique_ptr<ChunkStore> open() { return open_store(options_); }
  static PrefetchTally tally(const ChunkStore& store, std::uint32_t account) {
    const auto tallies = store.prefetch_tallies();
    return account < tallies.size() ? tallies[account] : PrefetchTally{};
  }

  const Version big_{"big", "1", 100 * kChunkBytes};
};

TEST_F(PrefetchTallyTest, AChunkIsResidentUntilItIsUsed) {
  const auto store = open();
  ASSERT_TRUE(bring(*store, big_, 0, prefetched(3)));
  EXPECT_EQ(tally(*store, 3).resident_bytes, kChunkBytes);
  EXPECT_EQ(tally(*store, 3).stall_saved(), milliseconds{0});
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(get(*store, big_, 0));
  EXPECT_EQ(tally(*store, 3).resident_bytes, 0U);
  EXPECT_EQ(tally(*store, 3).used_bytes, kChunkBytes);
  EXPECT_EQ(tally(*store, 3).fetched_bytes(), kChunkBytes);
  EXPECT_EQ(tally(*store, 3).stall_saved(), milliseconds{100});
  EXPECT_EQ(tally(*store, 0).fetched_chunks, 0U);
}

TEST_F(PrefetchTallyTest, AChunkWhoseBytesAreHadInAnotherWayIsUsedWhenThatIsSaid) {
  const auto store = open();
  ASSERT_TRUE(bring(*store, big_, 0, prefetched(3)));
  std::string bytes(kChunkBytes, '?');
  ASSERT_TRUE(store->peek(big_, 0, 0, std::as_writable_bytes(std::span(bytes))));
  EXPECT_EQ(std::memcmp(bytes.data(), content(big_, 0, kChunkBytes).data(), kChunkBytes), 0);
  EXPECT_EQ(tally(*store, 3).resident_bytes, kChunkBytes) << "a look is no use";
  for (int i = 0; i < 2; ++i) store->use(big_, 0);
  store->use(big_, 1);  // absent
  EXPECT_EQ(tally(*store, 3).resident_bytes, 0U);
  EXPECT_EQ(tally(*store, 3).used_bytes, kChunkBytes);
  EXPECT_EQ(tally(*store, 3).fetched_bytes(), kChunkBytes);
  EXPECT_EQ(store->stats().prefetch_used_bytes, kChunkBytes);
}

TEST_F(PrefetchTallyTest, AChunkThatIsAskedForOnItsWayIsLate) {
  const auto store = open();
  ASSERT_TRUE(bring(*store, big_, 0, prefetched(1, true)));
  EXPECT_TRUE(get(*store, big_, 0));
  EXPECT_EQ(tally(*store, 1).late_bytes, kChunkBytes);
  EXPECT_EQ(tally(*store, 1).fetched_bytes(), kChunkBytes);
  EXPECT_EQ(tally(*store, 1).stall_saved(), milliseconds{30});
  EXPECT_EQ(store->stats().prefetch_used_bytes, kChunkBytes);
}

TEST_F(PrefetchTallyTest, WhatIsNotKeptIsWasted) {
  const auto store = open();
  const auto bytes = content(big_, 0, kChunkBytes);
  EXPECT_FALSE(store->write(big_, 100, bytes, prefetched(1))) << "no such chunk";
  EXPECT_EQ(tally(*store, 1).wasted_bytes, kChunkBytes);
  EXPECT_FALSE(store->write(big_, 100, bytes, prefetched(1, true)));
  EXPECT_EQ(tally(*store, 1).late_bytes, kChunkBytes) << "its readers had it all the same";
}

TEST_F(PrefetchTallyTest, ADemandIsOnNobodysAccount) {
  const auto store = open();
  ASSERT_TRUE(put(*store, big_, 0));
  EXPECT_TRUE(get(*store, big_, 0));
  EXPECT_TRUE(store->prefetch_tallies().empty());
}

TEST_F(PrefetchTallyTest, AnAccountThatCannotBeIsNobodys) {
  const auto store = open();
  ASSERT_TRUE(bring(*store, big_, 0, prefetched(kPrefetchAccountsMax)));
  ASSERT_TRUE(bring(*store, big_, 1, prefetched(~0U)));
  EXPECT_EQ(tally(*store, 0).resident_bytes, 2U * kChunkBytes);
}

// Whatever happens to chunks: each prefetched byte is in exactly one place, and what is said to
// be resident can still be used.
TEST_F(PrefetchTallyTest, EveryPrefetchedByteIsInExactlyOnePlace) {
  constexpr std::uint32_t kAccounts = 5;
  options_.size_bytes_max = quota_for(500);
  const auto store = open();
  std::mt19937 generator(7);
  const auto random = [&generator] { return static_cast<std::uint32_t>(generator()); };
  std::vector<std::uint64_t> brought(kAccounts, 0);
  for (int step = 0; step < 20'000; ++step) {
    const Version version{"object" + std::to_string(random() % 40), "1", 300 * kChunkBytes + 5};
    const std::uint32_t chunk = random() % 301;
    if (random() % 3 == 0) {
      (void)get(*store, version, chunk);
      continue;
    }
    if (store->contains(version, chunk)) continue;  // would be booked on nobody
    if (random() % 3 == 0) {
      (void)put(*store, version, chunk);
      continue;
    }
    const std::uint32_t account = random() % kAccounts;
    (void)bring(*store, version, chunk, prefetched(account, random() % 8 == 0));
    brought[account] += chunk_length(*store, version, chunk);
  }
  PrefetchTally total;
  for (std::uint32_t account = 0; account < kAccounts; ++account) {
    const PrefetchTally booked = tally(*store, account);
    EXPECT_EQ(booked.fetched_bytes(), brought[account]) << account;
    total += booked;
  }
  EXPECT_GT(total.used_bytes, 0U);
  EXPECT_GT(total.late_bytes, 0U);
  EXPECT_GT(total.wasted_bytes, 0U) << "nothing was evicted";
  EXPECT_EQ(total.used_bytes + total.late_bytes, store->stats().prefetch_used_bytes);
  // Reading all there is turns what is resident into used, and nothing else.
  const std::uint64_t wasted = total.wasted_bytes;
  for (int object = 0; object < 40; ++object) {
    const Version version{"object" + std::to_string(object), "1", 300 * kChunkBytes + 5};
    for (std::uint32_t chunk = 0; chunk <= 300; ++chunk) (void)get(*store, version, chunk);
  }
  total = {};
  for (const PrefetchTally& booked : store->prefetch_tallies()) total += booked;
  EXPECT_EQ(total.resident_bytes, 0U);
  EXPECT_EQ(total.wasted_bytes, wasted);
}

}  // namespace
}  // namespace augurfs
