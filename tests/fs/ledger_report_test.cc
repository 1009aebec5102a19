#include "fs/ledger_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace augurfs {
namespace {

std::vector<HintLedger::Line> example() {
  PrefetchTally first;
  first.used_bytes = 3 << 20;
  first.wasted_bytes = 1 << 20;
  first.fetched_chunks = 4;
  first.used_chunks = 3;
  first.fetch_time = std::chrono::seconds{2};
  PrefetchTally second;
  second.late_bytes = 1024;
  second.resident_bytes = 2048;
  second.fetched_chunks = 3;
  second.fetch_time = std::chrono::seconds{3};
  second.head_start = std::chrono::milliseconds{500};
  return {{"readahead", first}, {"a\xff", second}};
}

TEST(LedgerReport, TheDocumentHoldsEveryAccountAndTheirSum) {
  const auto json = nlohmann::json::parse(ledger_json(example()));
  ASSERT_EQ(json["lines"].size(), 2U);
  EXPECT_EQ(json["lines"][0]["name"], "readahead");
  EXPECT_EQ(json["lines"][0]["fetched_bytes"], 4 << 20);
  EXPECT_EQ(json["lines"][0]["used_bytes"], 3 << 20);
  EXPECT_EQ(json["lines"][0]["wasted_bytes"], 1 << 20);
  EXPECT_DOUBLE_EQ(json["lines"][0]["stall_saved_seconds"].get<double>(), 1.5);
  EXPECT_EQ(json["lines"][1]["late_bytes"], 1024);
  EXPECT_EQ(json["lines"][1]["resident_bytes"], 2048);
  EXPECT_EQ(json["total"]["fetched_bytes"], (4 << 20) + 3072);
  EXPECT_DOUBLE_EQ(json["total"]["stall_saved_seconds"].get<double>(), 2.0);
}

TEST(LedgerReport, APersonReadsATable) {
  const std::string text = ledger_text(ledger_json(std::vector{example()[0]}));
  EXPECT_EQ(text,
            "   fetched       used       late     wasted   resident       saved\n"
            "   4.0 MiB    3.0 MiB        0 B    1.0 MiB        0 B       1.5 s  readahead\n"
            "   4.0 MiB    3.0 MiB        0 B    1.0 MiB        0 B       1.5 s  total\n");
  EXPECT_EQ(ledger_text("nonsense"), "");
}

TEST(LedgerReport, OfTheShadowThereIsATableAndAVerdict) {
  ShadowVerdict verdict;
  verdict.waited = std::chrono::seconds{10};
  verdict.round_trip = std::chrono::milliseconds{31};
  const std::vector lines{example()[0]};
  const std::string document = ledger_json({}, verdict, lines);
  const auto json = nlohmann::json::parse(document);
  EXPECT_TRUE(json["lines"].empty());
  EXPECT_EQ(json["shadow"]["total"]["fetched_bytes"], 4 << 20);
  EXPECT_EQ(json["shadow"]["waited_seconds"], 10);
  EXPECT_DOUBLE_EQ(json["shadow"]["round_trip_seconds"].get<double>(), 0.031);
  const std::string text =
      "in shadow, where nothing is fetched, this would have become of it:\n"
      "   fetched       used       late     wasted   resident       saved\n"
      "   4.0 MiB    3.0 MiB        0 B    1.0 MiB        0 B       1.5 s  readahead\n"
      "   4.0 MiB    3.0 MiB        0 B    1.0 MiB        0 B       1.5 s  total\n"
      "verdict: programs waited 10.0 s for the store, whose first byte takes 31 ms; some 1.5 s of "
      "it would have been saved, for 1.0 MiB fetched in vain\n";
  EXPECT_EQ(ledger_text(document), text);
  EXPECT_EQ(ledger_text(ledger_json(lines, verdict, lines)),
            ledger_text(ledger_json(lines)) + "\n" + text);
  verdict.waited = std::chrono::seconds{1};
  EXPECT_NE(ledger_text(ledger_json({}, verdict, lines)).find("some 1.0 s of it"),
            std::string::npos)
      << "no more than was waited";
}

}  // namespace
}  // namespace augurfs
