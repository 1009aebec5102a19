#include "cache/chunk_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/eventually.h"
#include "support/faulty_store.h"
#include "support/fetch_gate.h"
#include "support/manual_clock.h"
#include "support/memory_store.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

constexpr std::size_t kChunk = 4096;

std::string content_of(std::size_t size_bytes) {
  std::string content(size_bytes, '\0');
  std::uint32_t state = 1;
  for (char& c : content) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return content;
}

// A reader on a store behind a gate, with chunks of 4 KiB.
class ChunkReaderTest : public testing::Test {
 protected:
  using Answer = Result<std::string>;

  void start(ChunkReaderOptions options = {}, std::uint32_t chunk_size_bytes = kChunk) {
    reader_.reset();
    chunks_.reset();
    ChunkStoreOptions chunk_options;
    chunk_options.directory = directory_.path() / "cache";
    chunk_options.store_identity = "memory";
    chunk_options.size_bytes_max = 256 << 20;
    chunk_options.free_space_bytes_min = free_space_bytes_min_;
    chunk_options.background = false;
    chunk_options.chunk_size_bytes = chunk_size_bytes;
    options.whole_bytes_max = whole_bytes_max_;
    auto chunks = ChunkStore::open(chunk_options);
    ASSERT_TRUE(chunks) << chunks.error().message;
    chunks_ = std::move(*chunks);
    reader_ = std::make_unique<ChunkReader>(options, gate_, *chunks_);
  }

  void SetUp() override { start(); }

  void TearDown() override {
    gate_.open();
    reader_.reset();
  }

  Version put(const std::string& key, std::size_t size_bytes) {
    contents_[key] = content_of(size_bytes);
    return store_.put(key, contents_[key]);
  }

  Answer read(const Version& version, std::uint64_t offset, std::size_t size_bytes,
              std::stop_token stop = {}) {
    std::string out(size_bytes, '?');
    const auto outcome =
        reader_->read(version, offset, std::as_writable_bytes(std::span(out)), std::move(stop));
    if (!outcome) return outcome.error();
    hit_ = outcome->hit;
    out.resize(outcome->bytes);
    return out;
  }

  std::future<Answer> read_in_thread(const Version& version, std::uint64_t offset,
                                     std::size_t size_bytes, std::stop_token stop = {}) {
    return std::async(std::launch::async,
                      [=, this] { return read(version, offset, size_bytes, stop); });
  }

  std::string expected(const Version& version, std::size_t offset, std::size_t size_bytes) {
    return contents_[version.key].substr(offset, size_bytes);
  }

  std::vector<std::string> gets() {
    std::vector<std::string> ranges;
    for (const auto& get : gate_.gets()) {
      ranges.push_back(get.version.key + " " + std::to_string(get.range.offset / kChunk) + "+" +
                       std::to_string((get.range.length + kChunk - 1) / kChunk));
    }
    return ranges;
  }

  void wait_until_ended(std::uint64_t calls) {
    ASSERT_TRUE(gate_.wait_until(FetchGate::kGet,
                                 [&](const auto& counts) { return counts.ended >= calls; }));
  }

  void wait_until_waiting(std::uint64_t readers) {
    ASSERT_TRUE(eventually([&] { return reader_->stats().waiting == readers; }));
  }

  void wait_until_cached(const Version& version) {
    ASSERT_TRUE(eventually([&] { return reader_->cached(version, {0, version.size}); }));
  }

  std::uint64_t requests() const { return gate_.counts(FetchGate::kGet).calls; }

  std::uint64_t free_space_bytes_min_ = 0;
  std::uint64_t whole_bytes_max_ = 0;
  TemporaryDirectory directory_;
  MemoryStore store_;
  FetchGate gate_{store_};
  std::map<std::string, std::string> contents_;
  std::unique_ptr<ChunkStore> chunks_;
  std::unique_ptr<ChunkReader> reader_;
  std::atomic<bool> hit_ = false;  // of the last read that ended well
};

using Strings = std::vector<std::string>;

std::string code(const Result<std::string>& answer) {
  return answer ? "ok" : to_string(answer.error().code);
}

Error unavailable() { return {ErrorCode::kUnavailable, "test"}; }

TEST_F(ChunkReaderTest, ReadsAnyRangeOfAVersion) {
  const Version version = put("a", 3 * kChunk + 100);
  const std::vector<std::size_t> offsets{0, 1, kChunk - 1, kChunk, 2 * kChunk + 7, 3 * kChunk + 99};
  const std::vector<std::size_t> sizes{1, 99, kChunk, kChunk + 1, 2 * kChunk, 9 * kChunk};
  for (const std::size_t offset : offsets) {
    for (const std::size_t size_bytes : sizes) {
      const Answer answer = read(version, offset, size_bytes);
      ASSERT_TRUE(answer) << answer.error().message;
      EXPECT_EQ(*answer, expected(version, offset, size_bytes)) << offset << "+" << size_bytes;
    }
  }
}

TEST_F(ChunkReaderTest, ReadingAtOrBeyondTheEndYieldsNothing) {
  const Version empty = put("empty", 0);
  const Version version = put("a", 100);
  constexpr std::uint64_t kFar = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(*read(empty, 0, 10), "");
  EXPECT_EQ(*read(version, 100, 10), "");
  EXPECT_EQ(*read(version, kFar, 10), "");
  EXPECT_EQ(*read(version, 50, 0), "");
  EXPECT_TRUE(reader_->prefetch(version, {kFar, kFar}));
  EXPECT_TRUE(reader_->prefetch(empty, {0, kFar}));
  EXPECT_TRUE(reader_->cached(empty, {0, kFar}));
  EXPECT_TRUE(reader_->cached(version, {100, kFar}));
  EXPECT_FALSE(reader_->cached(version, {99, kFar}));
  EXPECT_EQ(requests(), 0);
}

TEST_F(ChunkReaderTest, AnImpossibleSizeIsAnError) {
  const Version version{"a", "etag", std::numeric_limits<std::uint64_t>::max()};
  EXPECT_EQ(code(read(version, 1ULL << 60U, 10)), "invalid");
  EXPECT_FALSE(reader_->prefetch(version, {0, 10}));
  EXPECT_FALSE(reader_->cached(version, {0, 10}));
}

TEST_F(ChunkReaderTest, TheSecondReadMakesNoRequest) {
  const Version version = put("a", 3 * kChunk);
  EXPECT_EQ(*read(version, 0, 3 * kChunk), expected(version, 0, 3 * kChunk));
  EXPECT_FALSE(hit_);
  wait_until_ended(1);
  EXPECT_EQ(*read(version, 0, 3 * kChunk), expected(version, 0, 3 * kChunk));
  EXPECT_TRUE(hit_);
  EXPECT_TRUE(reader_->cached(version, {0, 3 * kChunk}));
  EXPECT_EQ(requests(), 1);
  const ChunkReaderStats stats = reader_->stats();
  EXPECT_EQ(stats.hits, 3);
  EXPECT_EQ(stats.hit_bytes, 3 * kChunk);
  EXPECT_EQ(stats.misses, 3);
  EXPECT_EQ(stats.miss_bytes, 3 * kChunk);
  EXPECT_EQ(stats.ahead, 0);
}

TEST_F(ChunkReaderTest, BytesThatHaveJustComeFromTheStoreAreNoHitsUntilTheyAreReadAgain) {
  const Version version = put("a", 3 * kChunk);
  EXPECT_TRUE(reader_->prefetch(version, {0, 2 * kChunk}));
  wait_until_ended(1);
  EXPECT_TRUE(read(version, 0, 3 * kChunk));
  ChunkReaderStats stats = reader_->stats();
  EXPECT_EQ(stats.hits, 0);
  EXPECT_EQ(stats.hit_bytes, 0);
  EXPECT_EQ(stats.ahead, 2);
  EXPECT_EQ(stats.ahead_bytes, 2 * kChunk);
  EXPECT_EQ(stats.misses, 1);
  EXPECT_EQ(stats.miss_bytes, kChunk);
  wait_until_ended(2);
  EXPECT_TRUE(read(version, 0, 3 * kChunk));
  stats = reader_->stats();
  EXPECT_EQ(stats.hits, 3);
  EXPECT_EQ(stats.hit_bytes, 3 * kChunk);
  EXPECT_EQ(stats.ahead_bytes, 2 * kChunk);
}

TEST_F(ChunkReaderTest, TheRestOfAChunkOfWhichAPieceWasWaitedForIsFetchedAhead) {
  start({}, 2 * kChunk);
  const Version version = put("a", 2 * kChunk);
  EXPECT_TRUE(read(version, 0, kChunk));
  wait_until_ended(1);
  EXPECT_TRUE(read(version, kChunk, kChunk));
  EXPECT_EQ(reader_->stats().miss_bytes, kChunk);
  EXPECT_EQ(reader_->stats().ahead_bytes, kChunk);
  EXPECT_EQ(reader_->stats().hit_bytes, 0);
}

TEST_F(ChunkReaderTest, ConcurrentMissesShareOneFetch) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(0);
  std::vector<std::future<Answer>> answers;
  answers.reserve(8);
  for (int i = 0; i < 8; ++i) answers.push_back(read_in_thread(version, 0, kChunk));
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  gate_.open();
  for (auto& answer : answers) EXPECT_EQ(*answer.get(), expected(version, 0, kChunk));
  EXPECT_EQ(requests(), 1);
}

TEST_F(ChunkReaderTest, AReaderGetsItsBytesAsTheyArrive) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(100);
  EXPECT_EQ(*read(version, 0, 100), expected(version, 0, 100));
  EXPECT_EQ(*read(version, 50, 50), expected(version, 50, 50));
  EXPECT_TRUE(hit_);  // it was here before it was asked for
  EXPECT_FALSE(reader_->cached(version, {0, 100}));
  gate_.open();
  EXPECT_EQ(*read(version, 0, kChunk), expected(version, 0, kChunk));
  EXPECT_EQ(requests(), 1);
}

TEST_F(ChunkReaderTest, ASatisfiedReaderLeavesTheRestOfTheChunkToTheCache) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(100);
  EXPECT_EQ(*read(version, 0, 100), expected(version, 0, 100));
  gate_.open();
  wait_until_ended(1);
  EXPECT_TRUE(reader_->cached(version, {0, kChunk}));
}

TEST_F(ChunkReaderTest, AdjacentMissingChunksBecomeOneGet) {
  const Version version = put("a", 8 * kChunk);
  EXPECT_EQ(*read(version, 100, 6 * kChunk), expected(version, 100, 6 * kChunk));
  EXPECT_EQ(gets(), (Strings{"a 0+7"}));
}

TEST_F(ChunkReaderTest, TheBeginningOfAnObjectComesInOneRequest) {
  whole_bytes_max_ = 1 << 20;
  start({}, 256 << 10);
  const Version small = put("small", 900 << 10);
  EXPECT_EQ(*read(small, 0, 100), expected(small, 0, 100));
  wait_until_cached(small);
  EXPECT_EQ(*read(small, 0, small.size), contents_["small"]);
  EXPECT_EQ(requests(), 1U);
  const Version large = put("large", 2 << 20);
  EXPECT_EQ(*read(large, 0, 100), expected(large, 0, 100));
  wait_until_ended(2);
  EXPECT_TRUE(eventually([&] { return reader_->cached(large, {0, 1 << 20}); }));
  EXPECT_FALSE(reader_->cached(large, {1 << 20, 1}));
  EXPECT_EQ(*read(large, 1 << 20, 100), expected(large, 1 << 20, 100));
  wait_until_ended(3);
  EXPECT_FALSE(reader_->cached(large, {(1 << 20) + (256 << 10), 1}));
}

TEST_F(ChunkReaderTest, ACachedChunkIsNotFetchedWithItsNeighbours) {
  const Version version = put("a", 5 * kChunk);
  EXPECT_TRUE(read(version, kChunk, kChunk));
  wait_until_ended(1);
  gate_.hold_gets_at(0);
  auto answer = read_in_thread(version, 0, 5 * kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet, 2));  // both at once
  gate_.open();
  EXPECT_EQ(*answer.get(), expected(version, 0, 5 * kChunk));
  Strings all = gets();
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (Strings{"a 0+1", "a 1+1", "a 2+3"}));
}

TEST_F(ChunkReaderTest, AChunkUnderWayIsNotFetchedWithItsNeighbours) {
  const Version version = put("a", 3 * kChunk);
  gate_.hold_gets_at(0);
  auto middle = read_in_thread(version, kChunk, kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet, 1));
  auto all = read_in_thread(version, 0, 3 * kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet, 3));
  gate_.open();
  EXPECT_EQ(*middle.get(), expected(version, kChunk, kChunk));
  EXPECT_EQ(*all.get(), expected(version, 0, 3 * kChunk));
  EXPECT_EQ(requests(), 3);
}

TEST_F(ChunkReaderTest, ALongReadIsCutIntoFlightsOfBoundedSize) {
  constexpr std::size_t kLong = kFlightBytesMax + 3 * kChunk;
  const Version version = put("a", kLong);
  EXPECT_TRUE(*read(version, 0, kLong) == expected(version, 0, kLong));
  EXPECT_EQ(gets(), (Strings{"a 0+2048", "a 2048+3"}));
}

TEST_F(ChunkReaderTest, VersionsOfOneKeyAreApart) {
  const Version old_version = put("a", kChunk);
  const std::string old_content = contents_["a"];
  EXPECT_EQ(*read(old_version, 0, 10), old_content.substr(0, 10));
  wait_until_ended(1);
  contents_["a"] = "new" + old_content.substr(3);
  const Version new_version = store_.put("a", contents_["a"]);
  EXPECT_EQ(*read(new_version, 0, 10), "new" + old_content.substr(3, 7));
  EXPECT_EQ(*read(old_version, 0, 10), old_content.substr(0, 10));
}

TEST_F(ChunkReaderTest, AReplacedObjectIsStaleWhereItIsNotCached) {
  const Version version = put("a", 2 * kChunk);
  EXPECT_TRUE(read(version, 0, kChunk));
  wait_until_ended(1);
  store_.put("a", "new");
  EXPECT_EQ(code(read(version, 0, kChunk)), "ok");
  EXPECT_EQ(code(read(version, 0, 2 * kChunk)), "stale");
}

TEST_F(ChunkReaderTest, WaiterOfAFailedFlightBecomesTheLoader) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(0);
  auto first = read_in_thread(version, 0, kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  auto second = read_in_thread(version, 0, kChunk);
  wait_until_waiting(2);
  gate_.fail_held(FetchGate::kGet, unavailable());
  EXPECT_EQ(code(first.get()), "unavailable");
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  gate_.open();
  EXPECT_EQ(*second.get(), expected(version, 0, kChunk));
  EXPECT_EQ(requests(), 2);
}

TEST_F(ChunkReaderTest, WaiterOfACancelledFlightBecomesTheLoader) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(0);
  auto first = read_in_thread(version, 0, kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  auto second = read_in_thread(version, 0, kChunk);
  wait_until_waiting(2);
  gate_.fail_held(FetchGate::kGet, {ErrorCode::kCancelled, "test"});
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  gate_.open();
  EXPECT_EQ(*first.get(), expected(version, 0, kChunk));
  EXPECT_EQ(*second.get(), expected(version, 0, kChunk));
  EXPECT_EQ(requests(), 2);
}

TEST_F(ChunkReaderTest, EachReaderOfABrokenStoreStartsOneFlightAtMost) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(0);
  constexpr std::size_t kReaders = 6;
  std::vector<std::future<Answer>> answers;
  answers.reserve(kReaders);
  for (std::size_t i = 0; i < kReaders; ++i) answers.push_back(read_in_thread(version, 0, kChunk));
  wait_until_waiting(kReaders);
  for (auto& answer : answers) {
    ASSERT_TRUE(eventually([&] {
      gate_.fail_held(FetchGate::kGet, unavailable());
      return answer.wait_for(std::chrono::seconds{0}) == std::future_status::ready;
    }));
    EXPECT_EQ(code(answer.get()), "unavailable");
  }
  EXPECT_GE(requests(), 2);
  EXPECT_LE(requests(), kReaders);
}

TEST_F(ChunkReaderTest, WhoAsksAgainInAMomentIsToldTheSameFailureAndLaterTheStoreIsAsked) {
  ManualClock clock;
  ChunkReaderOptions options;
  options.now = clock.function();
  start(options);
  const Version version = put("a", 2 * kChunk);
  gate_.hold_gets_at(0);
  auto first = read_in_thread(version, 0, kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  gate_.fail_held(FetchGate::kGet, unavailable());
  EXPECT_EQ(code(first.get()), "unavailable");
  gate_.open();
  EXPECT_EQ(code(read(version, 0, 10)), "unavailable");
  EXPECT_EQ(requests(), 1) << "the kernel asks for the page itself after the readahead of it";
  EXPECT_EQ(code(read(version, kChunk, 10)), "ok") << "another chunk";
  clock.advance(RecentFailures::kKept);
  EXPECT_EQ(*read(version, 0, kChunk), expected(version, 0, kChunk));
  reader_.reset();  // before the clock
}

TEST_F(ChunkReaderTest, AReadEndsWhenNoByteComesWhateverItWaitsFor) {
  ChunkReaderOptions options;
  options.patience = std::chrono::milliseconds{50};
  options.transfers_max = 2;
  options.prefetch_transfers_max = 1;
  start(options);
  const Version version = put("a", 2 * kChunk);
  gate_.hold_gets_at(0);
  EXPECT_TRUE(reader_->prefetch(version, {0, kChunk}));
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  EXPECT_EQ(code(read(version, 0, 10)), "timeout") << "a prefetch that gets nowhere";
  EXPECT_EQ(code(read(version, kChunk, 10)), "timeout") << "its own flight";
}

TEST_F(ChunkReaderTest, ADefiniteNoIsTheAnswerToAllWaiters) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(0);
  auto first = read_in_thread(version, 0, kChunk);
  auto second = read_in_thread(version, 0, kChunk);
  wait_until_waiting(2);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  gate_.fail_held(FetchGate::kGet, {ErrorCode::kDenied, "test"});
  EXPECT_EQ(code(first.get()), "denied");
  EXPECT_EQ(code(second.get()), "denied");
  EXPECT_EQ(requests(), 1);
}

TEST_F(ChunkReaderTest, BytesThatCameBeforeAFailureAreServed) {
  const Version version = put("a", 2 * kChunk);
  gate_.hold_gets_at(kChunk + 10);
  auto all = read_in_thread(version, 0, 2 * kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  EXPECT_EQ(*read(version, kChunk, 10), expected(version, kChunk, 10));
  gate_.fail_held(FetchGate::kGet, unavailable());
  EXPECT_EQ(code(all.get()), "unavailable");
  EXPECT_TRUE(reader_->cached(version, {0, kChunk}));
  EXPECT_FALSE(reader_->cached(version, {kChunk, kChunk}));
}

TEST_F(ChunkReaderTest, ACancelledReaderReturnsAtOnceAndTheOthersGetTheirBytes) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(0);
  std::stop_source stop;
  auto loader = read_in_thread(version, 0, kChunk, stop.get_token());
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  auto other = read_in_thread(version, 0, kChunk);
  wait_until_waiting(2);
  stop.request_stop();
  EXPECT_EQ(code(loader.get()), "cancelled");
  gate_.open();
  EXPECT_EQ(*other.get(), expected(version, 0, kChunk));
  EXPECT_EQ(requests(), 1);
}

TEST_F(ChunkReaderTest, ADemandFlightNobodyWaitsForIsCancelled) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(10);
  std::stop_source stop;
  auto reader = read_in_thread(version, 0, kChunk, stop.get_token());
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  stop.request_stop();
  EXPECT_EQ(code(reader.get()), "cancelled");
  wait_until_ended(1);  // held as it was: by the stop token alone
  EXPECT_FALSE(reader_->cached(version, {0, kChunk}));
  gate_.open();
  EXPECT_EQ(*read(version, 0, kChunk), expected(version, 0, kChunk));
}

TEST_F(ChunkReaderTest, AQueuedDemandNobodyWaitsForIsNotFetched) {
  start({.transfers_max = 1});
  const Version busy = put("busy", kChunk);
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(0);
  auto first = read_in_thread(busy, 0, kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  std::stop_source stop;
  auto second = read_in_thread(version, 0, kChunk, stop.get_token());
  wait_until_waiting(2);
  stop.request_stop();
  EXPECT_EQ(code(second.get()), "cancelled");
  gate_.open();
  EXPECT_EQ(code(first.get()), "ok");
  const Version after = put("after", kChunk);
  EXPECT_EQ(code(read(after, 0, kChunk)), "ok");
  EXPECT_EQ(gets(), (Strings{"busy 0+1", "after 0+1"}));
}

TEST_F(ChunkReaderTest, APrefetchMakesTheReadAHit) {
  const Version version = put("a", 3 * kChunk);
  EXPECT_TRUE(reader_->prefetch(version, {0, 3 * kChunk}));
  wait_until_ended(1);
  wait_until_cached(version);
  EXPECT_EQ(*read(version, 0, 3 * kChunk), expected(version, 0, 3 * kChunk));
  EXPECT_TRUE(hit_);
  EXPECT_EQ(gets(), (Strings{"a 0+3"}));
  EXPECT_EQ(chunks_->stats().prefetched_bytes, 3 * kChunk);
  EXPECT_EQ(chunks_->stats().prefetch_used_bytes, 3 * kChunk);
}

TEST_F(ChunkReaderTest, APrefetchLeavesOutWhatIsCachedOrUnderWay) {
  const Version version = put("a", 6 * kChunk);
  EXPECT_TRUE(read(version, 0, kChunk));
  wait_until_ended(1);
  gate_.hold_gets_at(0);
  auto demand = read_in_thread(version, 2 * kChunk, kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  EXPECT_TRUE(reader_->prefetch(version, {0, 6 * kChunk}));
  EXPECT_TRUE(reader_->prefetch(version, {0, 6 * kChunk}));  // once is enough
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet, 3));
  gate_.open();
  EXPECT_EQ(code(demand.get()), "ok");
  wait_until_cached(version);
  Strings all = gets();
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (Strings{"a 0+1", "a 1+1", "a 2+1", "a 3+3"}));
}

TEST_F(ChunkReaderTest, APrefetchThatTheBudgetHasNothingLeftForIsRefused) {
  PrefetchBudgetOptions limits;
  limits.file = directory_.path() / "budget";
  limits.per_day = {2 * kChunk, PrefetchAmount::kUnlimited};
  PrefetchBudget budget(limits);
  start({.budget = &budget});
  EXPECT_TRUE(reader_->prefetch(put("a", 2 * kChunk), {0, 2 * kChunk}));
  wait_until_ended(1);
  EXPECT_EQ(budget.spent(), (PrefetchAmount{2 * kChunk, 1}));
  const Version version = put("b", kChunk);
  EXPECT_FALSE(reader_->prefetch(version, {0, kChunk}));
  EXPECT_EQ(reader_->stats().prefetch_dropped, 1U);
  EXPECT_EQ(*read(version, 0, kChunk), expected(version, 0, kChunk)) << "demand is not its matter";
  EXPECT_EQ(gets(), (Strings{"a 0+2", "b 0+1"}));
  reader_.reset();  // before the budget
}

TEST_F(ChunkReaderTest, AReaderIsServedThoughThePrefetchItWaitsForIsOverTheBudget) {
  PrefetchBudgetOptions limits;
  limits.file = directory_.path() / "budget";
  limits.per_day = {kChunk, PrefetchAmount::kUnlimited};
  PrefetchBudget budget(limits);
  start({.transfers_max = 2, .prefetch_transfers_max = 1, .budget = &budget});
  gate_.hold_gets_at(0);
  // Takes the budget while the other waits for a slot.
  EXPECT_TRUE(reader_->prefetch(put("a", kChunk), {0, kChunk}));
  const Version version = put("b", kChunk);
  EXPECT_TRUE(reader_->prefetch(version, {0, kChunk}) || budget.exhausted());
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  gate_.open();
  EXPECT_EQ(*read(version, 0, kChunk), expected(version, 0, kChunk));
  EXPECT_EQ(budget.spent(), (PrefetchAmount{kChunk, 1}));
  Strings all = gets();
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (Strings{"a 0+1", "b 0+1"}));
  reader_.reset();  // before the budget
}

TEST_F(ChunkReaderTest, DemandIsNeverBehindPrefetch) {
  start({.transfers_max = 2, .prefetch_transfers_max = 2});
  gate_.hold_gets_at(0);
  for (const char* key : {"p1", "p2", "p3"}) {
    EXPECT_TRUE(reader_->prefetch(put(key, kChunk), {0, kChunk}));
  }
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  auto first = read_in_thread(put("d1", kChunk), 0, kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet, 2));  // prefetch left it a slot
  auto second = read_in_thread(put("d2", kChunk), 0, kChunk);
  wait_until_waiting(2);
  gate_.hold_gets_at(kChunk + 1, "p1");  // one slot comes free, and who takes it?
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet, 2));
  EXPECT_EQ(gets(), (Strings{"p1 0+1", "d1 0+1", "d2 0+1"}));
  gate_.open();
  EXPECT_EQ(code(first.get()), "ok");
  EXPECT_EQ(code(second.get()), "ok");
  ASSERT_TRUE(gate_.wait_until(FetchGate::kGet, [](const auto& c) { return c.ended == 5; }));
}

TEST_F(ChunkReaderTest, DemandPromotesAQueuedPrefetch) {
  start({.transfers_max = 2, .prefetch_transfers_max = 1});
  const Version version = put("a", 4 * kChunk);
  gate_.hold_gets_at(0);
  EXPECT_TRUE(reader_->prefetch(put("busy", kChunk), {0, kChunk}));
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  EXPECT_TRUE(reader_->prefetch(version, {0, 4 * kChunk}));
  auto demand = read_in_thread(version, 2 * kChunk, kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet, 2));
  gate_.open();
  EXPECT_EQ(*demand.get(), expected(version, 2 * kChunk, kChunk));
  wait_until_cached(version);
  const Strings all = gets();
  EXPECT_EQ(all, (Strings{"busy 0+1", "a 2+1", "a 0+2", "a 3+1"}));
}

TEST_F(ChunkReaderTest, DemandJoinsARunningPrefetch) {
  const Version version = put("a", 2 * kChunk);
  gate_.hold_gets_at(0);
  EXPECT_TRUE(reader_->prefetch(version, {0, 2 * kChunk}, {.account = 5}));
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  EXPECT_EQ(reader_->under_way(version), 2U);
  auto demand = read_in_thread(version, kChunk, kChunk);
  wait_until_waiting(1);
  gate_.open();
  EXPECT_EQ(*demand.get(), expected(version, kChunk, kChunk));
  EXPECT_FALSE(hit_);  // it had to wait
  // A reader has its bytes before they are stored, and they are stored before they count as used.
  EXPECT_TRUE(eventually([&] { return chunks_->stats().prefetch_used_bytes == kChunk; }));
  wait_until_cached(version);
  EXPECT_EQ(requests(), 1);
  EXPECT_EQ(chunks_->stats().prefetched_bytes, 2 * kChunk);
  const auto tallies = chunks_->prefetch_tallies();
  ASSERT_EQ(tallies.size(), 6U);
  EXPECT_EQ(tallies[5].late_bytes, kChunk);
  EXPECT_EQ(tallies[5].resident_bytes, kChunk);
  EXPECT_EQ(tallies[5].fetched_bytes(), 2 * kChunk);
  EXPECT_LE(tallies[5].head_start, tallies[5].fetch_time);
}

// One connection to the store is known to be quick.
class ChunkReaderLongHauls : public ChunkReaderTest {
 protected:
  void begin(ChunkReaderOptions options) {
    options.now = now_;
    time_stands_still_ = true;
    start(options);
    constexpr std::size_t kMeasured = 256 << 10;
    EXPECT_TRUE(read(put("measured", kMeasured), 0, kMeasured));
    ASSERT_TRUE(eventually([&] { return reader_->pace().measured; }));
    time_stands_still_ = false;
    before_ = requests();
  }
  Strings gets_since() {
    const Strings all = gets();
    return {all.begin() + static_cast<std::ptrdiff_t>(before_), all.end()};
  }

  // The first two chunks of a version come by a flight of their own, and what follows by a long
  // haul.
  void begin_long_haul(const Version& version, std::uint32_t chunks) {
    gate_.hold_gets_at(0);
    EXPECT_TRUE(reader_->prefetch(version, {0, 2 * kChunk}));
    ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
    EXPECT_TRUE(reader_->prefetch(version, {2 * kChunk, chunks * kChunk}));
    ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet, 2));
  }

  // With what is to be charged for it; four chunks of the version are cached after it.
  Version long_haul_within(PrefetchBudget& budget) {
    begin({.budget = &budget, .linger = std::chrono::hours{1}});
    const Version version = put("a", 64 * kChunk);
    begin_long_haul(version, 2);
    gate_.open();
    EXPECT_TRUE(eventually([&] { return reader_->cached(version, {0, 4 * kChunk}); }));
    return version;
  }

  // While it stands still everything is infinitely quick.
  std::atomic<bool> time_stands_still_ = false;
  const std::function<std::chrono::steady_clock::time_point()> now_ = [this] {
    static const auto start = std::chrono::steady_clock::now();
    return time_stands_still_ ? start : std::chrono::steady_clock::now();
  };
  std::uint64_t before_ = 0;
};

TEST_F(ChunkReaderLongHauls, WhoGoesOnIsServedByOneRequest) {
  begin({.linger = std::chrono::hours{1}});
  const Version version = put("a", 64 * kChunk);
  begin_long_haul(version, 2);
  EXPECT_TRUE(reader_->prefetch(version, {4 * kChunk, 4 * kChunk}));
  gate_.open();
  for (std::uint32_t i = 8; i < 64; i += 8) {
    EXPECT_EQ(*read(version, (i - 1) * kChunk, kChunk),
              expected(version, (i - 1) * kChunk, kChunk));
    EXPECT_TRUE(reader_->prefetch(version, {i * kChunk, 8 * kChunk}));
  }
  wait_until_cached(version);
  EXPECT_EQ(gets_since(), (Strings{"a 0+2", "a 2+62"}));
}

TEST_F(ChunkReaderLongHauls, WhoOvertakesItIsServedByItAndBookedAsDemand) {
  PrefetchBudgetOptions limits;
  limits.file = directory_.path() / "budget";
  PrefetchBudget budget(limits);
  const Version version = long_haul_within(budget);
  EXPECT_EQ(*read(version, 4 * kChunk, 2 * kChunk), expected(version, 4 * kChunk, 2 * kChunk));
  EXPECT_TRUE(eventually([&] { return reader_->cached(version, {0, 6 * kChunk}); }));
  EXPECT_EQ(gets_since(), (Strings{"a 0+2", "a 2+62"}));
  EXPECT_EQ(chunks_->prefetch_tallies()[0].fetched_bytes(), 4 * kChunk);
  EXPECT_EQ(budget.spent(), (PrefetchAmount{4 * kChunk, 2}));
  reader_.reset();  // before the budget
}

TEST_F(ChunkReaderLongHauls, NothingIsFetchedThatNobodyAskedFor) {
  begin({.linger = std::chrono::milliseconds{0}});
  const Version version = put("a", 64 * kChunk);
  begin_long_haul(version, 2);
  gate_.open();
  wait_until_ended(before_ + 2);
  EXPECT_TRUE(eventually([&] { return reader_->cached(version, {0, 4 * kChunk}); }));
  EXPECT_FALSE(reader_->cached(version, {4 * kChunk, 1}));
  EXPECT_EQ(reader_->under_way(version), 0U);
  EXPECT_EQ(*read(version, 0, 6 * kChunk), expected(version, 0, 6 * kChunk));
  EXPECT_EQ(gets_since(), (Strings{"a 0+2", "a 2+62", "a 4+2"}));
}

TEST_F(ChunkReaderLongHauls, AReaderOfALongHaulThatBreaksIsServedByAnother) {
  begin({});
  const Version version = put("a", 64 * kChunk);
  begin_long_haul(version, 2);
  auto answer = read_in_thread(version, 3 * kChunk, kChunk);
  wait_until_waiting(1);
  gate_.fail_held(FetchGate::kGet, unavailable());
  EXPECT_TRUE(eventually([&] { return requests() > before_ + 2; }));
  gate_.open();
  EXPECT_EQ(*answer.get(), expected(version, 3 * kChunk, kChunk));
}

TEST_F(ChunkReaderLongHauls, EndingTheReaderEndsALongHaulThatLingers) {
  begin({.linger = std::chrono::hours{1}});
  const Version version = put("a", 64 * kChunk);
  begin_long_haul(version, 2);
  gate_.open();
  ASSERT_TRUE(eventually([&] { return reader_->cached(version, {0, 4 * kChunk}); }));
  reader_.reset();
}

TEST_F(ChunkReaderLongHauls, WhatIsAppendedIsChargedToTheBudget) {
  PrefetchBudgetOptions limits;
  limits.file = directory_.path() / "budget";
  limits.per_day = {6 * kChunk, PrefetchAmount::kUnlimited};
  PrefetchBudget budget(limits);
  const Version version = long_haul_within(budget);
  EXPECT_TRUE(reader_->prefetch(version, {4 * kChunk, 2 * kChunk}));
  ASSERT_TRUE(eventually([&] { return reader_->cached(version, {0, 6 * kChunk}); }));
  EXPECT_EQ(budget.spent(), (PrefetchAmount{6 * kChunk, 2}));
  EXPECT_FALSE(reader_->prefetch(version, {6 * kChunk, kChunk}));
  reader_.reset();  // before the budget
}

TEST_F(ChunkReaderLongHauls, ReadersBesideOneWhoGoesOnGetTheRightBytesFromAStoreThatErrs) {
  constexpr std::uint64_t kChunks = 200;
  FaultyStore faulty(store_, {}, 7);
  begin({.linger = std::chrono::milliseconds{1}});
  time_stands_still_ = true;
  reader_ = std::make_unique<ChunkReader>(
      ChunkReaderOptions{.linger = std::chrono::milliseconds{1}, .now = now_}, faulty, *chunks_);
  constexpr std::size_t kMeasured = 256 << 10;
  EXPECT_TRUE(read(put("measured again", kMeasured), 0, kMeasured));
  ASSERT_TRUE(eventually([&] { return reader_->pace().measured; }));
  time_stands_still_ = false;
  const Version version = put("a", kChunks * kChunk);
  faulty.set_rates({.unavailable = 0.1, .short_body = 0.1, .reset = 0.2});
  const auto read_through = [&](std::uint64_t begin, std::uint64_t step) {
    for (std::uint64_t at = begin; at < kChunks; at += step) {
      reader_->prefetch(version, {(at + 1) * kChunk, 8 * kChunk});
      std::string out(2 * kChunk, '?');
      const auto outcome =
          reader_->read(version, at * kChunk, std::as_writable_bytes(std::span(out)), {});
      if (!outcome) continue;
      out.resize(outcome->bytes);
      EXPECT_EQ(out, expected(version, at * kChunk, 2 * kChunk)) << at;
    }
  };
  std::vector<std::jthread> threads;
  threads.reserve(3);
  for (std::uint64_t i = 0; i < 3; ++i) threads.emplace_back(read_through, 50 * i, i + 1);
  threads.clear();
  faulty.set_rates({});
  EXPECT_TRUE(eventually([&] {
    const Answer all = read(version, 0, kChunks * kChunk);
    return all && *all == contents_["a"];
  }));
  reader_.reset();  // before the store
}

TEST_F(ChunkReaderTest, ThePaceOfTheStoreIsMeasured) {
  EXPECT_FALSE(reader_->pace().measured);
  EXPECT_TRUE(read(put("a", kChunk), 0, kChunk));
  EXPECT_TRUE(eventually([&] { return reader_->pace().measured; }));
}

TEST(FetchPace, TheFirstMeasureCountsWhollyAndLaterOnesAnEighth) {
  using std::chrono::milliseconds;
  FetchPace pace;
  pace.measure(milliseconds{16}, milliseconds{8}, 2 << 20);
  EXPECT_EQ(pace.to_first_byte, milliseconds{16});
  EXPECT_EQ(pace.per_mib, milliseconds{4});
  EXPECT_EQ(pace.time_of(0), milliseconds{16});
  EXPECT_EQ(pace.time_of(3 << 20), milliseconds{28});
  pace.measure(milliseconds{24}, milliseconds{12}, 1 << 20);
  EXPECT_EQ(pace.to_first_byte, milliseconds{17});
  EXPECT_EQ(pace.per_mib, milliseconds{5});
  pace.measure(milliseconds{17}, std::chrono::hours{1}, 1000);
  EXPECT_EQ(pace.per_mib, milliseconds{5}) << "too few bytes to say";
}

TEST_F(ChunkReaderTest, APrefetchGoesOnWhenItsReadersAreCancelled) {
  const Version version = put("a", kChunk);
  gate_.hold_gets_at(0);
  EXPECT_TRUE(reader_->prefetch(version, {0, kChunk}));
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  std::stop_source stop;
  auto demand = read_in_thread(version, 0, kChunk, stop.get_token());
  wait_until_waiting(1);
  stop.request_stop();
  EXPECT_EQ(code(demand.get()), "cancelled");
  gate_.open();
  wait_until_cached(version);
}

TEST_F(ChunkReaderTest, AFailedPrefetchFailsNoReader) {
  for (const ErrorCode error : {ErrorCode::kUnavailable, ErrorCode::kStale}) {
    const Version version = put(to_string(error), kChunk);
    gate_.hold_gets_at(0);
    EXPECT_TRUE(reader_->prefetch(version, {0, kChunk}));
    ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
    auto demand = read_in_thread(version, 0, kChunk);
    wait_until_waiting(1);
    gate_.fail_held(FetchGate::kGet, {error, "test"});
    ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));  // the reader's own
    gate_.fail_held(FetchGate::kGet, unavailable());
    EXPECT_EQ(code(demand.get()), "unavailable");
  }
}

TEST_F(ChunkReaderTest, APrefetchWithoutRoomIsRefusedWhole) {
  start({.transfers_max = 2, .prefetch_transfers_max = 1});
  gate_.hold_gets_at(0);
  EXPECT_TRUE(reader_->prefetch(put("busy", kChunk), {0, kChunk}));
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  const Version version = put("a", (kPrefetchQueueChunksMax + 1) * kChunk);
  EXPECT_FALSE(reader_->prefetch(version, {0, version.size}));
  EXPECT_TRUE(reader_->prefetch(version, {kChunk, version.size}));
  EXPECT_FALSE(reader_->prefetch(version, {0, kChunk}));
  EXPECT_EQ(reader_->stats().prefetch_dropped, 2);
  gate_.open();
  ASSERT_TRUE(gate_.wait_until(FetchGate::kGet, [](const auto& c) { return c.ended == 3; }));
  EXPECT_EQ(gets(), (Strings{"busy 0+1", "a 1+2048", "a 2049+2048"}));
}

TEST_F(ChunkReaderTest, WithASingleSlotThereIsNoPrefetch) {
  start({.transfers_max = 1, .prefetch_transfers_max = 1});
  EXPECT_FALSE(reader_->prefetch(put("a", kChunk), {0, kChunk}));
  EXPECT_EQ(reader_->stats().prefetch_dropped, 1);
}

TEST_F(ChunkReaderTest, ClosingEndsReadersThatWait) {
  start({.transfers_max = 1});
  gate_.hold_gets_at(0);
  auto running = read_in_thread(put("a", kChunk), 0, kChunk);
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  auto queued = read_in_thread(put("b", kChunk), 0, kChunk);
  wait_until_waiting(2);
  ChunkReader* const closing = reader_.release();  // readers still see it
  delete closing;
  EXPECT_EQ(code(running.get()), "cancelled");
  EXPECT_EQ(code(queued.get()), "cancelled");
}

TEST_F(ChunkReaderTest, ThreadsEndWhenIdleAndStartAgain) {
  start({.transfers_max = 2, .idle = std::chrono::milliseconds{0}});
  const Version version = put("a", 50 * kChunk);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(*read(version, i * kChunk, kChunk), expected(version, i * kChunk, kChunk));
  }
  EXPECT_EQ(requests(), 50);
}

TEST_F(ChunkReaderTest, WithoutRoomOnTheDiskBytesComeFromTheStoreAndFromMemory) {
  free_space_bytes_min_ = std::numeric_limits<std::int64_t>::max();
  start();
  constexpr std::size_t kSize = kUnstoredBytesMax + 2 * kChunk;
  const Version version = put("a", kSize);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t offset = 0; offset < 2 * kChunk; offset += 512) {
      EXPECT_EQ(*read(version, offset, 512), expected(version, offset, 512));
    }
  }
  EXPECT_EQ(requests(), 2);  // one per chunk
  EXPECT_TRUE(*read(version, 0, kSize) == expected(version, 0, kSize));
  wait_until_ended(requests());
  // Now chunks 0 and 1 have had to go, the last ones are there.
  const std::uint64_t before = requests();
  EXPECT_EQ(*read(version, kSize - kChunk, kChunk), expected(version, kSize - kChunk, kChunk));
  EXPECT_EQ(requests(), before);
  EXPECT_EQ(*read(version, 0, kChunk), expected(version, 0, kChunk));
  EXPECT_EQ(requests(), before + 1);
  EXPECT_GT(chunks_->stats().unstored_chunks, 0);
}

// A store that does not keep to a range.
class SloppyStore : public ObjectStore {
 public:
  SloppyStore(ObjectStore& inner, std::int64_t more_bytes)
      : inner_(inner), more_bytes_(more_bytes) {}
  Result<ObjectInfo> head(const std::string& key, std::stop_token stop) override {
    return inner_.head(key, stop);
  }
  Result<ListPage> list(const ListRequest& request, std::stop_token stop) override {
    return inner_.list(request, stop);
  }
  Result<void> get(const Version& version, ByteRange range, const ByteSink& sink,
                   std::stop_token stop) override {
    range.length += static_cast<std::uint64_t>(more_bytes_);
    return inner_.get(version, range, sink, stop);
  }
  std::string identity() const override { return inner_.identity(); }
  StoreStats stats() const override { return inner_.stats(); }

 private:
  ObjectStore& inner_;
  const std::int64_t more_bytes_;
};

TEST_F(ChunkReaderTest, AnAnswerOfAnotherLengthThanAskedIsCorrupt) {
  for (const std::int64_t more_bytes : {-1, -4000}) {
    const Version version = put("a", 2 * kChunk);
    SloppyStore sloppy(store_, more_bytes);
    ChunkReader reader({.whole_bytes_max = 0}, sloppy, *chunks_);
    std::string out(kChunk, '?');
    const auto answer = reader.read(version, 0, std::as_writable_bytes(std::span(out)), {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::kCorrupt);
    EXPECT_FALSE(reader.cached(version, {0, kChunk}));
  }
}

TEST_F(ChunkReaderTest, BytesBeyondTheRangeNeverEnterTheCache) {
  const Version version = put("a", 2 * kChunk);
  SloppyStore sloppy(store_, 100);
  ChunkReader reader({.whole_bytes_max = 0}, sloppy, *chunks_);
  std::string out(kChunk, '?');
  // What was asked for has come, and is right; the rest is nobody's.
  EXPECT_TRUE(reader.read(version, 0, std::as_writable_bytes(std::span(out)), {}));
  EXPECT_EQ(out, expected(version, 0, kChunk));
  EXPECT_FALSE(reader.cached(version, {kChunk, kChunk}));
}

}  // namespace
}  // namespace augurfs
