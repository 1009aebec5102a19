#include "cache/flight_table.h"

#include <gtest/gtest.h>

#include <numeric>

namespace augurfs {
namespace {

constexpr std::uint32_t kChunkBytes = 1 << 20;
constexpr std::uint64_t kObjectBytes = std::uint64_t{5000} * kChunkBytes;

class FlightTableTest : public testing::Test {
 protected:
  explicit FlightTableTest(int prefetch_flights_max = 1) : table_(prefetch_flights_max) {}

  std::shared_ptr<Flight> demand(std::uint32_t first, std::uint32_t count = 1) {
    return table_.demand(version_, layout_, first, count);
  }
  bool prefetch(std::uint32_t first, std::uint32_t count = 1) {
    std::vector<std::uint32_t> chunks(count);
    std::iota(chunks.begin(), chunks.end(), first);
    return table_.prefetch(version_, layout_, chunks);
  }
  bool under_way(std::uint32_t chunk) const { return table_.is_under_way(id(chunk)); }
  ChunkKey id(std::uint32_t chunk) const { return {version_, chunk}; }

  const Version version_{"key", "etag", kObjectBytes};
  const ChunkLayout layout_{kObjectBytes, kChunkBytes};
  FlightTable table_;
};

TEST_F(FlightTableTest, AChunkUnderWayIsJoinedAndNotFlownTwice) {
  const auto flight = demand(3, 2);
  EXPECT_TRUE(under_way(3) && under_way(4));
  EXPECT_FALSE(under_way(5));
  EXPECT_EQ(table_.join(id(4)), flight);
  EXPECT_EQ(table_.join(id(5)), nullptr);
  EXPECT_TRUE(prefetch(3, 2)) << "nothing to be done";
  EXPECT_EQ(table_.take(), flight);
  EXPECT_EQ(table_.take(), nullptr);
}

TEST_F(FlightTableTest, DemandGoesBeforePrefetchInTheOrderItCame) {
  EXPECT_TRUE(prefetch(9));
  const auto first = demand(5);
  const auto second = demand(1);
  EXPECT_EQ(table_.take(), first);
  EXPECT_EQ(table_.take(), second);
  const auto last = table_.take();
  ASSERT_NE(last, nullptr);
  EXPECT_TRUE(last->prefetch);
  EXPECT_EQ(last->first_chunk, 9U);
  EXPECT_FALSE(table_.has_work());
}

TEST_F(FlightTableTest, PrefetchHoldsNoMoreThanItsSlots) {
  EXPECT_TRUE(prefetch(1));
  EXPECT_TRUE(prefetch(5));
  const auto flight = table_.take();
  ASSERT_NE(flight, nullptr);
  EXPECT_FALSE(table_.has_work());
  EXPECT_EQ(table_.take(), nullptr);
  table_.end(flight, std::nullopt);
  const auto next = table_.take();
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(next->first_chunk, 5U);
}

TEST_F(FlightTableTest, AdjacentPrefetchesBecomeFlightsOfBoundedSize) {
  EXPECT_TRUE(prefetch(0, 10));
  const auto first = table_.take();
  EXPECT_EQ(first->arrivals.size() * kChunkBytes, kFlightBytesMax);
  table_.end(first, std::nullopt);
  const auto rest = table_.take();
  EXPECT_EQ(rest->first_chunk, 8U);
  EXPECT_EQ(rest->arrivals.size(), 2U);
}

// With a second slot for prefetch.
class FlightTableLongHauls : public FlightTableTest {
 protected:
  FlightTableLongHauls() : FlightTableTest(2) {}

  // A long haul that begins at `first`, behind a flight that ends there.
  std::shared_ptr<Flight> haul(std::uint32_t first, std::uint32_t count) {
    EXPECT_TRUE(prefetch(first - 1));
    EXPECT_FALSE(table_.take(true)->long_haul) << "nothing goes on yet";
    EXPECT_TRUE(prefetch(first, count));
    return table_.take(true);
  }
};

TEST_F(FlightTableLongHauls, WhatGoesOnWhereAPrefetchEndsIsALongHaulAndTheNextIsAppendedToIt) {
  const auto flight = haul(1, 20);
  EXPECT_TRUE(flight->long_haul);
  EXPECT_EQ(flight->end_chunk(), 21U);
  EXPECT_EQ(std::uint64_t{flight->reach_end - 1} * kChunkBytes, kLongHaulBytesMax);
  EXPECT_TRUE(prefetch(21, 4));
  EXPECT_EQ(flight->end_chunk(), 25U);
  EXPECT_EQ(table_.join(id(24)), flight);
  EXPECT_TRUE(prefetch(26));
  EXPECT_EQ(flight->end_chunk(), 25U) << "there is a gap before it";
}

TEST_F(FlightTableLongHauls, NothingIsAppendedToALongHaulThatIsClosed) {
  const auto flight = haul(1, 2);
  table_.close(*flight);
  EXPECT_TRUE(prefetch(3, 2));
  EXPECT_EQ(flight->end_chunk(), 3U);
}

TEST_F(FlightTableLongHauls, WhoOvertakesIsServedByIt) {
  const auto flight = haul(1, 1);
  EXPECT_EQ(table_.join_next(id(3)), nullptr) << "there is a gap before it";
  EXPECT_EQ(table_.join_next(id(2)), flight);
  EXPECT_EQ(flight->end_chunk(), 3U);
  EXPECT_EQ(flight->readers, 1);
  EXPECT_TRUE(flight->arrival(2).demanded);
  EXPECT_EQ(flight->prefetched_bytes(1, 3), kChunkBytes) << "what is demanded is not";
}

TEST_F(FlightTableLongHauls, WhoOvertakesItByFarIsNotServedByIt) {
  const auto flight = haul(1, 1 + kOvertakenBytesMax / kChunkBytes);
  EXPECT_EQ(table_.join_next(id(flight->end_chunk())), nullptr);
  flight->received_bytes = kChunkBytes;
  EXPECT_EQ(table_.join_next(id(flight->end_chunk())), flight);
}

TEST_F(FlightTableLongHauls, ALongHaulReachesNoFurtherThanItsObject) {
  const auto flight = haul(4990, 5);
  EXPECT_EQ(flight->reach_end, 5000U);
  EXPECT_TRUE(prefetch(4995, 5));
  EXPECT_FALSE(flight->takes_more());
  EXPECT_TRUE(under_way(4999));
}

TEST_F(FlightTableLongHauls, WhatIsNotSureToBeReadIsNone) {
  EXPECT_TRUE(prefetch(0));
  ASSERT_NE(table_.take(true), nullptr);
  EXPECT_TRUE(table_.prefetch(version_, layout_, {1, 2}, {.probability = 0.5F}));
  EXPECT_FALSE(table_.take(true)->long_haul);
}

TEST_F(FlightTableLongHauls, ThereAreNoneWhereTheyAreNotWelcome) {
  EXPECT_TRUE(prefetch(0));
  ASSERT_NE(table_.take(false), nullptr);
  EXPECT_TRUE(prefetch(1, 10));
  const auto flight = table_.take(false);
  EXPECT_FALSE(flight->long_haul);
  EXPECT_EQ(flight->arrivals.size() * kChunkBytes, kFlightBytesMax);
}

TEST_F(FlightTableTest, DemandTakesItsChunksOutOfThePrefetchQueue) {
  EXPECT_TRUE(prefetch(0, 3));
  EXPECT_EQ(table_.take()->first_chunk, 0U) << "all three fly";
  EXPECT_TRUE(prefetch(5, 3));
  const auto flight = demand(6);
  EXPECT_EQ(table_.take(), flight);
  table_.end(table_.join(id(0)), std::nullopt);
  EXPECT_EQ(table_.take()->end_chunk(), 6U);
}

TEST_F(FlightTableTest, APrefetchWithoutRoomQueuesNothing) {
  EXPECT_FALSE(prefetch(0, kPrefetchQueueChunksMax + 1));
  EXPECT_FALSE(table_.has_work());
  EXPECT_TRUE(prefetch(0, kPrefetchQueueChunksMax));
  EXPECT_FALSE(prefetch(kPrefetchQueueChunksMax));
}

TEST_F(FlightTableTest, ADemandFlightThatTheLastReaderGivesUpIsCancelled) {
  const auto queued = demand(0);
  ASSERT_EQ(table_.join(id(0)), queued);
  EXPECT_EQ(table_.leave(queued, 0, false).cancelled, nullptr) << "it did not fly yet";
  EXPECT_TRUE(queued->ended);
  EXPECT_FALSE(under_way(0));
  EXPECT_EQ(table_.take(), nullptr);

  const auto flying = demand(0, 2);
  ASSERT_EQ(table_.join(id(0)), flying);
  ASSERT_EQ(table_.join(id(1)), flying);
  ASSERT_EQ(table_.take(), flying);
  EXPECT_EQ(table_.leave(flying, 0, false).cancelled, nullptr) << "another waits";
  EXPECT_EQ(table_.leave(flying, 1, false).cancelled, flying);
  EXPECT_FALSE(under_way(0)) << "who comes now gets a flight of its own";
}

TEST_F(FlightTableTest, ASatisfiedReaderCancelsNothingNorDoesOneOfAPrefetch) {
  const auto flight = demand(0);
  ASSERT_EQ(table_.join(id(0)), flight);
  EXPECT_EQ(table_.leave(flight, 0, true).cancelled, nullptr);
  EXPECT_TRUE(under_way(0));
  EXPECT_EQ(table_.take(), flight);
  EXPECT_TRUE(prefetch(7));
  const auto ahead = table_.take();
  ASSERT_EQ(table_.join(id(7)), ahead);
  EXPECT_EQ(table_.leave(ahead, 7, false).cancelled, nullptr);
  EXPECT_TRUE(under_way(7));
}

TEST_F(FlightTableTest, AChunkThatTheDiskWouldNotTakeStaysUntilThereAreTooMany) {
  constexpr std::uint32_t kKept = kUnstoredBytesMax / kChunkBytes;
  for (std::uint32_t chunk = 0; chunk <= kKept; ++chunk) {
    const auto flight = demand(chunk);
    table_.take();
    table_.land(flight, chunk, false);
    table_.end(flight, std::nullopt);
  }
  EXPECT_FALSE(under_way(0)) << "the oldest";
  for (std::uint32_t chunk = 1; chunk <= kKept; ++chunk) EXPECT_TRUE(under_way(chunk)) << chunk;
  const auto stored = demand(100);
  table_.land(stored, 100, true);
  EXPECT_FALSE(under_way(100)) << "it is to be found on the disk";
}

TEST_F(FlightTableTest, TheEndOfAFlightFreesWhatDidNotLand) {
  const auto flight = demand(0, 3);
  table_.take();
  table_.land(flight, 0, true);
  table_.end(flight, Error{ErrorCode::kTimeout, "late"});
  EXPECT_TRUE(flight->ended);
  ASSERT_TRUE(flight->error);
  EXPECT_EQ(flight->error->message, "late");
  EXPECT_FALSE(under_way(1) || under_way(2));
}

TEST_F(FlightTableTest, ClosingEndsWhatWaitsAndNamesWhatFlies) {
  const auto flying = demand(0);
  ASSERT_EQ(table_.take(), flying);
  const auto queued = demand(1);
  EXPECT_TRUE(prefetch(5));
  const auto running = table_.end_queued({ErrorCode::kCancelled, "closing"});
  EXPECT_EQ(running, std::vector{flying});
  EXPECT_TRUE(queued->ended);
  EXPECT_FALSE(flying->ended);
  EXPECT_FALSE(table_.has_work());
}

TEST_F(FlightTableTest, KnowsWhatIsAwaitedInAFlightOrInTheQueue) {
  EXPECT_FALSE(table_.is_awaited({version_, 1}));
  EXPECT_TRUE(prefetch(1, 2));
  EXPECT_TRUE(table_.is_awaited({version_, 1}));
  EXPECT_FALSE(table_.is_under_way({version_, 1}));
  ASSERT_TRUE(table_.take());
  EXPECT_TRUE(prefetch(9));
  EXPECT_TRUE(table_.is_awaited({version_, 2}));
  EXPECT_EQ(table_.under_way(version_), 3U);
  EXPECT_EQ(table_.under_way({"another", "", 1}), 0U);
}

}  // namespace
}  // namespace augurfs
