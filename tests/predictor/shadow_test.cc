#include "predictor/shadow.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>

#include "cache/flight_table.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kChunk = 4096;
constexpr milliseconds kRoundTrip{50};

// A store whose first byte takes 50 ms and whose others take no time.
class ShadowTest : public testing::Test {
 protected:
  ShadowOptions options() {
    ShadowOptions options;
    options.layout = [](const Version& version) { return ChunkLayout{version.size, kChunk}; };
    options.is_there = [this](const Version&, std::uint32_t chunk) {
      return there_.contains(chunk);
    };
    options.pace = [] { return FetchPace{kRoundTrip, {}, true}; };
    options.bytes_max = 1 << 20;
    options.flights_max = 2;
    options.now = [this] { return now_; };
    return options;
  }
  void make(const ShadowOptions& options) { shadow_ = std::make_unique<Shadow>(options); }
  bool ask(std::uint32_t first, std::uint32_t count = 1, std::uint32_t account = 0,
           milliseconds due_in = {}) {
    return shadow_->prefetch(version_,
                             {std::uint64_t{first} * kChunk, std::uint64_t{count} * kChunk},
                             {.account = account, .due = now_ + due_in});
  }
  void read(std::uint32_t chunk) {
    shadow_->read(version_, {std::uint64_t{chunk} * kChunk, 10}, now_);
  }
  PrefetchTally tally(std::uint32_t account = 0) const {
    const auto tallies = shadow_->verdict().tallies;
    return account < tallies.size() ? tallies[account] : PrefetchTally{};
  }

  const Version version_{"object", "1", 6000 * kChunk};
  std::set<std::uint32_t> there_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours{1}};
  std::unique_ptr<Shadow> shadow_ = std::make_unique<Shadow>(options());
};

TEST_F(ShadowTest, WhatIsReadAfterItWouldHaveComeIsInTime) {
  EXPECT_TRUE(ask(0, 1, 3));
  EXPECT_EQ(tally(3).resident_bytes, kChunk);
  now_ += kRoundTrip;
  read(0);
  read(0);
  EXPECT_EQ(tally(3).used_bytes, kChunk);
  EXPECT_EQ(tally(3).fetched_bytes(), kChunk);
  EXPECT_EQ(tally(3).stall_saved(), kRoundTrip);
  EXPECT_EQ(tally(0).fetched_bytes(), 0U);
}

TEST_F(ShadowTest, WhatIsReadBeforeItWouldHaveComeIsLateAndSavesItsHeadStart) {
  ask(0);
  now_ += milliseconds{20};
  read(0);
  EXPECT_EQ(tally().late_bytes, kChunk);
  EXPECT_EQ(tally().stall_saved(), milliseconds{20});
}

TEST_F(ShadowTest, WhatIsThereOrPendingIsLeftOut) {
  there_ = {1};
  EXPECT_TRUE(ask(0, 3));
  EXPECT_TRUE(ask(0, 3));
  EXPECT_EQ(tally().resident_bytes, 2 * kChunk);
  read(1);
  EXPECT_EQ(tally().resident_bytes, 2 * kChunk);
}

TEST_F(ShadowTest, FlightsTakeTurnsInTheirSlots) {
  for (const std::uint32_t chunk : {0U, 2U, 4U}) ask(chunk);  // two fly, the third waits
  now_ += kRoundTrip;
  for (const std::uint32_t chunk : {0U, 2U, 4U}) read(chunk);
  EXPECT_EQ(tally().used_bytes, 2 * kChunk);
  EXPECT_EQ(tally().late_bytes, kChunk);
  EXPECT_EQ(tally().stall_saved(), 2 * kRoundTrip) << "the third had no head start";
}

TEST_F(ShadowTest, WhatIsReadWhileItWaitsForASlotWouldNotHaveBeenPrefetched) {
  for (const std::uint32_t chunk : {0U, 2U, 4U}) ask(chunk);
  read(4);
  EXPECT_EQ(tally().fetched_bytes(), 2 * kChunk);
  EXPECT_EQ(tally().fetched_chunks, 2U);
  EXPECT_EQ(tally().fetch_time, 2 * kRoundTrip);
}

TEST_F(ShadowTest, AdjacentChunksAreOneFlight) {
  ask(0, 100);
  now_ += kRoundTrip;
  for (std::uint32_t chunk = 0; chunk < 100; ++chunk) read(chunk);
  EXPECT_EQ(tally().used_bytes, 100 * kChunk);
}

TEST_F(ShadowTest, WhatHasNoRoomIsWastedTheOneDueLastFirst) {
  ShadowOptions small = options();
  small.bytes_max = 2 * kChunk;
  make(small);
  ask(0, 1, 1, milliseconds{500});
  ask(1, 1, 2, std::chrono::hours{1});
  ask(2, 1, 3, milliseconds{500});
  EXPECT_EQ(tally(2).wasted_bytes, kChunk);
  EXPECT_EQ(tally(1).resident_bytes + tally(3).resident_bytes, 2 * kChunk);
}

TEST_F(ShadowTest, MoreThanMayWaitIsRefusedAsAWhole) {
  EXPECT_FALSE(ask(0, kPrefetchQueueChunksMax + 1));
  EXPECT_EQ(tally().fetched_chunks, 0U);
  for (const std::uint32_t chunk : {5000U, 5002U}) EXPECT_TRUE(ask(chunk));
  EXPECT_TRUE(ask(0, kPrefetchQueueChunksMax));
  EXPECT_FALSE(ask(5500));
  now_ += std::chrono::hours{1};
  EXPECT_TRUE(ask(5500));
}

TEST_F(ShadowTest, AnotherVersionIsAnother) {
  ask(0);
  now_ += kRoundTrip;
  shadow_->read({version_.key, "2", version_.size}, {0, 10}, now_);
  EXPECT_EQ(tally().resident_bytes, kChunk);
}

TEST_F(ShadowTest, AtItsEndWhatIsPendingHasNoVerdict) {
  ask(0);
  now_ += kRoundTrip;
  shadow_->end();
  read(0);
  EXPECT_EQ(tally().resident_bytes, kChunk);
  EXPECT_TRUE(ask(0)) << "and it can begin again";
}

TEST_F(ShadowTest, AnyRangeIsWelcome) {
  EXPECT_TRUE(shadow_->prefetch(version_, {version_.size, 10}, {}));
  EXPECT_TRUE(shadow_->prefetch({"empty", "", 0}, {0, UINT64_MAX}, {}));
  shadow_->read(version_, {UINT64_MAX, UINT64_MAX}, now_);
  EXPECT_TRUE(shadow_->prefetch(version_, {version_.size - 1, UINT64_MAX}, {.account = ~0U}));
  EXPECT_EQ(tally().fetched_bytes(), kChunk) << "nobody's account";
}

TEST_F(ShadowTest, WhatProgramsWaitedIsAddedUp) {
  shadow_->waited(milliseconds{30});
  shadow_->waited(milliseconds{12});
  EXPECT_EQ(shadow_->verdict().waited, milliseconds{42});
  EXPECT_EQ(shadow_->verdict().round_trip, kRoundTrip);
}

TEST_F(ShadowTest, EveryByteIsInExactlyOneAccountWhateverHappens) {
  ShadowOptions small = options();
  small.bytes_max = 40 * kChunk;
  make(small);
  std::mt19937 generator(3);
  const auto random = [&generator] { return static_cast<std::uint32_t>(generator()); };
  for (int step = 0; step < 20'000; ++step) {
    now_ += milliseconds{random() % 100};
    const std::uint32_t chunk = random() % 300;
    if (random() % 2 == 0) {
      ask(chunk, 1 + random() % 4, random() % 3, milliseconds{random() % 4000});
    } else {
      read(chunk);
    }
    if (step % 1000 != 0) continue;
    PrefetchTally total;
    for (const PrefetchTally& one : shadow_->verdict().tallies) total += one;
    ASSERT_EQ(total.fetched_bytes(), total.fetched_chunks * kChunk);
    ASSERT_LE(total.resident_bytes, small.bytes_max);
    ASSERT_EQ(total.fetch_time, kRoundTrip * static_cast<std::int64_t>(total.fetched_chunks));
  }
  PrefetchTally total;
  for (const PrefetchTally& one : shadow_->verdict().tallies) total += one;
  EXPECT_GT(total.used_bytes, 0U);
  EXPECT_GT(total.late_bytes, 0U);
  EXPECT_GT(total.wasted_bytes, 0U);
}

}  // namespace
}  // namespace augurfs
