#include "predictor/replay/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "predictor/replay/footprint.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

std::vector<ReplayRow> rows_of(const ReplayOptions& options) {
  std::vector<ReplayRow> rows;
  const auto done = replay(options, [&](const ReplayRow& row) { rows.push_back(row); });
  EXPECT_TRUE(done);
  if (!done) ADD_FAILURE() << done.error().message;
  return rows;
}

// A program that goes through the same two hundred files again and again, but for every tenth
// access, which is to any of a thousand, and another that reads one after the other.
std::string busy_trace(unsigned seed, int lines = 4000) {
  std::mt19937 random(seed);
  std::string text = "time_s,stream,exe,op,path,offset,bytes,object_bytes\n";
  for (int i = 0; i < lines; ++i) {
    const bool stray = random() % 10 == 0;
    const auto file = stray ? random() % 1000 : static_cast<std::mt19937::result_type>(i % 200);
    const std::string name = "d" + std::to_string(file % 7) + "/" + std::to_string(file);
    const std::string time = std::to_string(i / 50) + "." + std::to_string(100 + i % 50 * 17);
    text += time + ",a,/bin/a,read," + name + ",0,,40000\n";
    if (i % 4 == 0) {
      text +=
          time + ",b,/bin/b,read,big," + std::to_string(i * 2000 % 9'000'000) + ",8000,10000000\n";
    }
  }
  return text;
}

ReplayOptions options_for(const std::filesystem::path& trace) {
  ReplayOptions options;
  options.traces = {trace};
  options.chunk_bytes = 16 << 10;
  options.cache_share = 0.2;
  for (const Policy& policy : policies()) {
    const bool is_neural = policy.name == "neural" || policy.name == "augur";
    if (!is_neural) options.policies.emplace_back(policy.name);
  }
  return options;
}

// The neural model learns for seconds where others take milliseconds, so it gets a shorter trace.
ReplayOptions neural_options_for(const std::filesystem::path& trace) {
  ReplayOptions options = options_for(trace);
  options.policies = {"augur"};
  return options;
}

TEST(Replay, EachPrefetchedByteEndsInOneAccount) {
  const TemporaryDirectory directory;
  for (const unsigned seed : {1U, 2U}) {
    for (const std::uint64_t warmup : {0U, 1500U}) {
      ReplayOptions options = options_for(directory.write("t.csv", busy_trace(seed)));
      options.warmup = warmup;
      options.cache_share = seed == 1 ? 0.02 : 0.2;
      for (const ReplayRow& row : rows_of(options)) {
        const Ledger& ledger = row.result.ledger;
        EXPECT_EQ(
            ledger.carried_bytes + ledger.prefetched_bytes,
            ledger.used_bytes + ledger.late_bytes + ledger.wasted_bytes + row.result.unused_bytes)
            << row.policy;
        EXPECT_EQ(row.result.requests, 5000 - warmup) << row.policy;
        EXPECT_LE(row.result.hits + row.result.late, row.result.requests);
        EXPECT_GE(row.result.fetched_bytes, ledger.prefetched_bytes);
        if (row.policy == "ppm3") {
          EXPECT_GT(ledger.used_bytes, 0U);
        }
      }
    }
  }
}

TEST(Replay, TheOracleStallsLeast) {
  const TemporaryDirectory directory;
  for (const unsigned seed : {3U, 4U}) {
    for (const int round_trip_ms : {5, 80}) {
      ReplayOptions options = options_for(directory.write("t.csv", busy_trace(seed)));
      options.link.round_trip = std::chrono::milliseconds(round_trip_ms);
      const auto rows = rows_of(options);
      ASSERT_EQ(rows.back().policy, "oracle");
      for (const ReplayRow& row : rows) {
        EXPECT_LE(rows.back().result.stall, row.result.stall)
            << row.policy << " at " << round_trip_ms;
      }
      EXPECT_LT(rows.back().result.stall * 4, rows.front().result.stall);
      EXPECT_EQ(rows.back().headroom, 1.0);
    }
  }
}

TEST(Replay, TheSameInputGivesTheSameOutput) {
  const TemporaryDirectory directory;
  const ReplayOptions options = options_for(directory.write("t.csv", busy_trace(5)));
  const auto text = [&] {
    std::string all;
    for (ReplayRow& row : rows_of(options)) {
      all += table_line(row);
      row.events_per_s = 0;  // what is measured differs
      row.peak_rss_bytes = 0;
      all += to_json(row) + "\n";
    }
    return all;
  };
  EXPECT_EQ(text(), text());
}

TEST(Replay, WithTheNeuralModelTheSameInputGivesTheSameOutputAndBytesEndInOneAccount) {
  const TemporaryDirectory directory;
  const ReplayOptions options = neural_options_for(directory.write("t.csv", busy_trace(6, 800)));
  const ReplayRow row = rows_of(options).front();
  const Ledger& ledger = row.result.ledger;
  EXPECT_GT(ledger.used_bytes, 0U);
  EXPECT_EQ(ledger.prefetched_bytes,
            ledger.used_bytes + ledger.late_bytes + ledger.wasted_bytes + row.result.unused_bytes);
  EXPECT_EQ(table_line(row), table_line(rows_of(options).front()));
}

TEST(Replay, AJsonLineHasTheFieldsThatWerePromised) {
  const TemporaryDirectory directory;
  ReplayOptions options = options_for(directory.write("a \"b\".csv", "path\nx\nx\n"));
  options.policies = {"none-lru"};
  options.cache_bytes = 1 << 20;
  ReplayRow row = rows_of(options).front();
  row.events_per_s = 5;
  row.peak_rss_bytes = 6;
  // 16 KiB at 200 Mbit/s take 655,360 ns, to the next bucket of the histogram.
  EXPECT_EQ(to_json(row),
            "{\"trace\":\"a \\\"b\\\".csv\",\"policy\":\"none-lru\",\"requests\":2,"
            "\"stall_s\":0.08065536,\"p50_ms\":0,\"p99_ms\":80.740351,\"hit_ratio\":0.5,"
            "\"late_ratio\":0,\"fetched_bytes\":16384,\"prefetched_bytes\":0,\"used_bytes\":0,"
            "\"wasted_bytes\":0,\"late_bytes\":0,\"polluted_bytes\":0,\"calibration_error\":0,"
            "\"headroom\":null,\"events_per_s\":5,\"peak_rss_bytes\":6}");
}

TEST(Replay, AGateWithoutExpertsAsksForNothing) {
  const TemporaryDirectory directory;
  ReplayOptions options = options_for(directory.write("t.csv", busy_trace(6)));
  options.policies = {"gate", "hedge"};
  for (const ReplayRow& row : rows_of(options)) {
    EXPECT_GT(row.result.ledger.prefetched_bytes, 0U) << row.policy;
  }
  options.without.assign(gate_experts().begin(), gate_experts().end());
  for (const ReplayRow& row : rows_of(options)) {
    EXPECT_EQ(row.result.ledger.prefetched_bytes, 0U) << row.policy;
  }
}

TEST(Replay, AHigherThresholdAsksForLess) {
  const TemporaryDirectory directory;
  ReplayOptions options = options_for(directory.write("t.csv", busy_trace(6)));
  options.policies = {"gate"};
  std::vector<std::uint64_t> prefetched;
  for (const double threshold : {0.1, 0.9, 1.0}) {
    options.gate_probability_min = threshold;
    prefetched.push_back(rows_of(options).front().result.ledger.prefetched_bytes);
  }
  EXPECT_GT(prefetched[0], prefetched[1]);
  EXPECT_EQ(prefetched[2], 0U);
}

TEST(Replay, WithoutStagingPrefetchingIsAnother) {
  const TemporaryDirectory directory;
  ReplayOptions options = options_for(directory.write("t.csv", busy_trace(6)));
  options.policies = {"none-s3fifo", "ppm3"};
  const auto with = rows_of(options);
  options.without = {std::string(kWithoutStaging)};
  const auto without = rows_of(options);
  EXPECT_EQ(with[0].result.stall, without[0].result.stall) << "nothing was staged";
  EXPECT_NE(with[1].result.stall, without[1].result.stall);
}

TEST(Replay, APolicyThatIsNotThereIsNamedWithThoseThatAre) {
  ReplayOptions options;
  options.policies = {"clairvoyant"};
  const auto done = replay(options, [](const ReplayRow&) {});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, testing::HasSubstr("'clairvoyant'"));
  EXPECT_THAT(done.error().message, testing::HasSubstr("none-lru, none-s3fifo"));
}

TEST(Replay, ABadLineEndsItUnlessBadLinesAreSkipped) {
  const TemporaryDirectory directory;
  ReplayOptions options = options_for(directory.write("t.csv", "path,bytes\nx,1\ny,z\nx,1\n"));
  options.policies = {"none-lru"};
  const auto done = replay(options, [](const ReplayRow&) {});
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, testing::HasSubstr("t.csv:3: column 2 (bytes)"));
  options.skip_bad = true;
  EXPECT_EQ(rows_of(options).front().result.skipped_lines, 1U);
  EXPECT_EQ(rows_of(options).front().result.requests, 2U);
}

TEST(Replay, AMillionObjectsTakeBoundedMemory) {
  const TemporaryDirectory directory;
  std::string text = "path\n";
  for (int i = 0; i < 1'000'000; ++i) text += std::to_string(i * 7919LL % 1'000'003) + "\n";
  ReplayOptions options = options_for(directory.write("t.csv", text));
  text = {};
  options.policies = {"markov1"};
  options.cache_bytes = 16 << 20;
  const ReplayRow row = rows_of(options).front();
  EXPECT_EQ(row.result.requests, 1'000'000U);
  if (!kSanitized) {
    EXPECT_LT(row.peak_rss_bytes, 300U << 20);
  }
}

TEST(Footprint, CountsEachChunkOnce) {
  const TemporaryDirectory directory;
  auto reader = TraceReader::open(
      directory.write("t.csv",
                      "path,offset,bytes,object_bytes\na,0,5000,10000\na,4096,100,10000\n"
                      "a,9000,1000,10000\nb,0,1,1\n"));
  Footprint footprint(4096);
  ASSERT_TRUE(footprint.add(**reader));
  EXPECT_EQ(footprint.bytes(), 10'000U + 1U);
  EXPECT_EQ(footprint.lines(), 4U);
}

TEST(Footprint, OfMoreThanItHoldsIsNearlyRight) {
  const TemporaryDirectory directory;
  // Three times as many chunks as are kept, in one long read.
  const std::uint64_t bytes = 3 * Footprint::kSampleMax * 4096ULL;
  auto reader = TraceReader::open(
      directory.write("t.csv", "path,object_bytes\na," + std::to_string(bytes) + "\n"));
  Footprint footprint(4096);
  ASSERT_TRUE(footprint.add(**reader));
  EXPECT_NEAR(static_cast<double>(footprint.bytes()), static_cast<double>(bytes),
              0.02 * static_cast<double>(bytes));
}

TEST(Latencies, QuantilesAreRightToABucket) {
  Latencies latencies;
  EXPECT_EQ(latencies.quantile(0.5), Tick{});
  for (int i = 1; i <= 1000; ++i) latencies.add(std::chrono::microseconds(i));
  const auto near = [&](double share, double us) {
    EXPECT_NEAR(std::chrono::duration<double>(latencies.quantile(share)).count() * 1e6, us,
                us * 0.02);
  };
  near(0.5, 500);
  near(0.99, 990);
  near(1, 1000);
}

}  // namespace
}  // namespace augurfs
