#include "predictor/replay/link.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace augurfs {
namespace {

using std::chrono::microseconds;

// A byte takes a microsecond, a round trip 100 ms.
LinkOptions slow_link(int transfers = 32, int prefetch_transfers = 16) {
  return {microseconds(100'000), 8'000'000, transfers, prefetch_transfers};
}

std::unique_ptr<Link::Flight> flight_of(std::uint64_t object, std::uint32_t bytes, bool demanded) {
  auto flight = std::make_unique<Link::Flight>();
  flight->object = object;
  flight->chunk_bytes = {bytes};
  flight->demanded = demanded;
  return flight;
}

// When each flight was complete, in microseconds, by its object.
std::map<std::uint64_t, std::int64_t> run(Link& link) {
  std::map<std::uint64_t, std::int64_t> ends;
  while (link.next()) {
    link.step([&](Link::Flight& flight, Tick now) {
      if (flight.received == flight.bytes) ends[flight.object] = now / microseconds(1);
    });
  }
  return ends;
}

using Ends = std::map<std::uint64_t, std::int64_t>;

TEST(Link, AFlightTakesARoundTripAndThenItsBytes) {
  Link link(slow_link());
  link.start(flight_of(1, 4096, true), microseconds(500));
  EXPECT_EQ(run(link), (Ends{{1, 104'596}}));
  EXPECT_FALSE(link.next());
}

TEST(Link, DemandedFlightsShareTheLinkPieceByPiece) {
  Link link(slow_link());
  link.start(flight_of(1, 2 * 16'384, true), {});
  link.start(flight_of(2, 16'384, true), {});
  EXPECT_EQ(run(link), (Ends{{2, 100'000 + 2 * 16'384}, {1, 100'000 + 3 * 16'384}}));
}

TEST(Link, DemandOvertakesAPrefetchAtTheNextPiece) {
  Link link(slow_link());
  link.start(flight_of(1, 10 * 16'384, false), {});
  link.start(flight_of(2, 4096, true), microseconds(20'000));
  // The first piece of the prefetch ends at 116,384, the second at 132,768; then the demand.
  EXPECT_EQ(run(link), (Ends{{2, 132'768 + 4096}, {1, 100'000 + 10 * 16'384 + 4096}}));
}

TEST(Link, APrefetchThatAReaderJoinsIsDemanded) {
  Link link(slow_link());
  Link::Flight& joined = link.start(flight_of(1, 16'384, false), {});
  link.start(flight_of(2, 2 * 16'384, true), {});
  link.demand(joined, {});
  EXPECT_EQ(run(link), (Ends{{1, 100'000 + 16'384}, {2, 100'000 + 3 * 16'384}}));
}

TEST(Link, AFlightWithoutASlotWaitsForOneAndThenARoundTrip) {
  Link link(slow_link(1, 1));
  link.start(flight_of(1, 1000, true), {});
  link.start(flight_of(2, 1000, true), {});
  EXPECT_EQ(run(link), (Ends{{1, 101'000}, {2, 202'000}}));
}

TEST(Link, PrefetchHoldsOnlyItsSlotsAndDemandTakesTheRest) {
  Link link(slow_link(2, 1));
  link.start(flight_of(1, 1000, false), {});
  link.start(flight_of(2, 1000, false), {});
  EXPECT_EQ(link.queued_chunks(), 1U);
  link.start(flight_of(3, 1000, true), {});
  EXPECT_EQ(run(link), (Ends{{3, 101'000}, {1, 102'000}, {2, 203'000}}));
  EXPECT_EQ(link.queued_chunks(), 0U);
}

TEST(Link, APrefetchInTheQueueThatIsDemandedGoesFirst) {
  Link link(slow_link(2, 1));
  link.start(flight_of(1, 1000, false), {});
  link.start(flight_of(2, 1000, false), {});
  Link::Flight& wanted = link.start(flight_of(3, 1000, false), {});
  link.demand(wanted, microseconds(50));
  const Ends ends = run(link);
  EXPECT_EQ(ends.at(3), 102'000) << "behind the first, whose bytes were on the link";
  EXPECT_EQ(ends.at(1), 101'000);
  EXPECT_EQ(ends.at(2), 202'000);
}

}  // namespace
}  // namespace augurfs
