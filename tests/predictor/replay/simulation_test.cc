#include "predictor/replay/simulation.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// Asks for an object when another is read.
class Script : public Expert {
 public:
  Script() = default;
  Script(const std::string& read, const std::string& asked)
      : read_(object_id(read)), asked_(object_id(asked)) {}

  void observe(const Event& event, const Catalog& /*catalog*/,
               std::vector<Candidate>& candidates) override {
    events.push_back(event);
    if (event.operation != Operation::kRead || event.object != read_) return;
    candidates.push_back({.object = asked_, .range = {0, 1 << 20}});
  }

  std::vector<Event> events;

 private:
  const ObjectId read_{};
  const ObjectId asked_{};
};

// A byte takes a microsecond, a round trip 100 ms; 10 ms between requests.
SimulationOptions slow_options() {
  SimulationOptions options;
  options.link = {milliseconds(100), 8'000'000, 32, 16};
  options.cache_bytes = 8 << 20;
  options.think = milliseconds(10);
  return options;
}

SimulationResult simulate(const std::string& csv, Expert& policy,
                          const SimulationOptions& options = slow_options()) {
  const TemporaryDirectory directory;
  auto reader = TraceReader::open(directory.write("t.csv", csv));
  auto result = Simulation(options, policy).run(**reader);
  EXPECT_TRUE(result);
  return result ? *result : SimulationResult{};
}

microseconds us(Tick time) { return std::chrono::duration_cast<microseconds>(time); }

TEST(Simulation, AMissWaitsForARoundTripAndItsBytesAndAHitForNothing) {
  Script nothing;
  const auto result = simulate("path,object_bytes\na,4096\nb,4096\na,4096\n", nothing);
  EXPECT_EQ(result.requests, 3U);
  EXPECT_EQ(result.hits, 1U);
  EXPECT_EQ(us(result.stall), microseconds(2 * 104'096));
  EXPECT_EQ(us(result.end), microseconds(2 * 104'096 + 2 * 10'000));
  EXPECT_EQ(result.fetched_bytes, 8192U);
  EXPECT_EQ(result.flights, 2U);
}

constexpr const char* kPairOfReads =
    "op,path,object_bytes\nstat,b,4096\nread,a,4096\nread,b,4096\n";

TEST(Simulation, APrefetchFliesBesideTheReadThatGaveRiseToIt) {
  Script script("a", "b");
  const auto result = simulate(kPairOfReads, script);
  EXPECT_EQ(us(result.stall), microseconds(104'096));
  EXPECT_EQ(result.hits, 1U);
  EXPECT_EQ(result.ledger.prefetched_bytes, 4096U);
  EXPECT_EQ(result.ledger.used_bytes, 4096U);
  EXPECT_EQ(result.ledger.late_bytes, 0U);
}

TEST(Simulation, AReadThatMeetsAFlyingPrefetchWaitsItsRest) {
  Script script("a", "b");
  SimulationOptions options = slow_options();
  options.think = {};
  const auto result = simulate(kPairOfReads, script, options);
  EXPECT_EQ(us(result.stall), microseconds(104'096 + 4'096));
  EXPECT_EQ(result.late, 1U);
  EXPECT_EQ(result.hits, 0U);
  EXPECT_EQ(result.ledger.late_bytes, 4096U);
  EXPECT_EQ(result.ledger.used_bytes, 0U);
}

TEST(Simulation, AReadWaitsBehindOnePieceOfAPrefetchAndNoMore) {
  Script script("a", "big");
  const auto result =
      simulate("op,path,object_bytes\nstat,big,1048576\nread,a,4096\nread,c,4096\n", script);
  // a is read at 10 ms and there at 114.096. c is asked for at 124.096, its bytes are ready at
  // 224.096, and the seventh piece of big is on the link until 114.096 + 7 * 16.384 = 228.784.
  EXPECT_EQ(us(result.stall), microseconds(104'096 + 228'784 + 4'096 - 124'096));
  EXPECT_EQ(result.unused_bytes, 1U << 20);
}

TEST(Simulation, BytesAreHandedOutAsTheyArrive) {
  Script nothing;
  const auto result = simulate("path,offset,bytes,object_bytes\nbig,0,16384,1048576\n", nothing);
  EXPECT_EQ(us(result.stall), microseconds(116'384)) << "waited for the whole chunk";
  EXPECT_EQ(result.fetched_bytes, 1U << 20);
}

TEST(Simulation, ALongReadIsIssuedPieceByPiece) {
  Script nothing;
  const auto result = simulate("path,object_bytes\nbig,2621440\n", nothing);
  EXPECT_EQ(result.requests, 3U);
  EXPECT_EQ(us(result.stall), microseconds(3 * 100'000 + 2'621'440));
  ASSERT_EQ(nothing.events.size(), 6U) << "a read and its end, three times";
  EXPECT_EQ(nothing.events[4].range.offset, 2U << 20);
  EXPECT_EQ(nothing.events[4].range.length, 1U << 19);
  EXPECT_EQ(nothing.events[5].operation, Operation::kServed);
  EXPECT_EQ(us(nothing.events[5].latency), microseconds(100'000 + (1 << 19)));
}

TEST(Simulation, AStallDelaysItsStreamAndNoOther) {
  Script nothing;
  const auto result = simulate(
      "time_s,stream,path,object_bytes\n"
      "1000,x,a,4096\n"      // issued at 0, done at 104.096
      "1000.01,x,b,4096\n"   // 10 ms later: 114.096
      "1000.05,y,c,4096\n",  // at 50
      nothing);
  std::vector<microseconds> issued;
  for (const Event& event : nothing.events) {
    if (event.operation != Operation::kRead) continue;
    issued.push_back(us(event.time.time_since_epoch()));
  }
  EXPECT_EQ(issued, (std::vector<microseconds>{microseconds(0), microseconds(50'000),
                                               microseconds(114'096)}));
  EXPECT_EQ(result.hits, 0U);
}

TEST(Simulation, AClockThatJumpsBackGoesOnFromWhereItWas) {
  Script nothing;
  simulate("time_s,path,object_bytes\n100,a,1\n5,a,1\n6,a,1\n", nothing);
  const auto& last = nothing.events.back();
  EXPECT_EQ(last.operation, Operation::kRead);
  EXPECT_EQ(us(last.time.time_since_epoch()), microseconds(100'001 + 1'000'000));
}

TEST(Simulation, AnotherSizeIsAnotherVersion) {
  Script nothing;
  const auto result = simulate("path,object_bytes\na,4096\na,5000\na,5000\n", nothing);
  EXPECT_EQ(result.hits, 1U);
  EXPECT_EQ(result.fetched_bytes, 4096U + 5000U);
}

TEST(Simulation, AnObjectOfUnknownSizeGrowsWithWhatIsRead) {
  Script nothing;
  SimulationOptions options = slow_options();
  options.chunk_bytes = 4096;
  const auto result =
      simulate("path,offset,bytes\na,0,100\na,4000,200\na,0,4200\n", nothing, options);
  EXPECT_EQ(result.fetched_bytes, 2U * 4096U);
  EXPECT_EQ(result.hits, 1U);
}

TEST(Simulation, APolicyIsShownOpensAsAFreshHandle) {
  Script nothing;
  simulate("op,path\nopen,a\nlist,d\nrelease,a\n", nothing);
  ASSERT_EQ(nothing.events.size(), 4U);
  EXPECT_EQ(nothing.events[0].operation, Operation::kRelease);
  EXPECT_EQ(nothing.events[1].operation, Operation::kOpen);
  EXPECT_EQ(nothing.events[2].object, object_id("d/"));
}

TEST(Simulation, CountingBeginsAfterTheWarmUp) {
  Script script("a", "b");
  SimulationOptions options = slow_options();
  options.warmup = 1;
  const auto result = simulate(kPairOfReads, script, options);
  EXPECT_EQ(result.requests, 1U);
  EXPECT_EQ(result.stall, Tick{});
  EXPECT_EQ(result.ledger.carried_bytes, 4096U);
  EXPECT_EQ(result.ledger.used_bytes, 4096U);
}

TEST(Simulation, MoreChunksThanCanBeNumberedAreAnError) {
  const TemporaryDirectory directory;
  auto reader = TraceReader::open(
      directory.write("t.csv", "path,object_bytes,bytes\na,9000000000000000000,1\n"));
  Script nothing;
  SimulationOptions options = slow_options();
  options.chunk_bytes = 4096;
  const auto result = Simulation(options, nothing).run(**reader);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
}

TEST(Simulation, AChunkLargerThanTheCacheIsReadAndNotKept) {
  Script script("a", "b");
  SimulationOptions options = slow_options();
  options.cache_bytes = 1000;
  const auto result = simulate(kPairOfReads, script, options);
  EXPECT_EQ(result.hits, 0U);
  EXPECT_EQ(result.ledger.wasted_bytes, 4096U);
}

}  // namespace
}  // namespace augurfs
