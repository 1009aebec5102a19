#include "fs/explanation.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace augurfs {
namespace {

using End = ChunkFate::End;
using Use = ChunkFate::Use;

const Version kFile{"d/file", "etag", 12 << 20};

VersionFate example(std::uint32_t account) {
  VersionFate fate;
  fate.chunk_size_bytes = 1 << 20;
  fate.chunks = 12;
  fate.cached_chunks = 7;
  fate.cached_bytes = 7 << 20;
  fate.under_way_chunks = 2;
  fate.remembered = {
      {0, 0, {}},
      {1, 3, {Origin::kPrefetch, Use::kInTime, End::kNone, account, 1}},
      {4, 4, {Origin::kPrefetch, Use::kLate, End::kNone, account, 0.5F}},
      {5, 5, {Origin::kPrefetch, Use::kNone, End::kNone, account, 0.25F}},
      {6, 6, {Origin::kPrefetch, Use::kNone, End::kForPrefetch, account, 0.25F}},
      {7, 7, {.end = End::kForDemand}},
      {8, 8, {.end = End::kDamaged}},
      {9, 9, {.end = End::kUnkept}},
  };
  return fate;
}

class ExplanationTest : public testing::Test {
 protected:
  std::string json() const { return explanation_json(kFile, example(account_), ledger_); }

  HintLedger ledger_;
  const std::uint32_t account_ = ledger_.account(ExpertId::kPpm, "/bin/cat", "d/");
};

TEST_F(ExplanationTest, TheDocumentTellsOfEachRange) {
  const auto document = nlohmann::json::parse(json());
  EXPECT_EQ(document["key"], "d/file");
  EXPECT_EQ(document["etag"], "etag");
  EXPECT_EQ(document["bytes"], 12 << 20);
  EXPECT_EQ(document["chunk_bytes"], 1 << 20);
  EXPECT_EQ(document["chunks"], 12);
  EXPECT_EQ(document["cached_chunks"], 7);
  EXPECT_EQ(document["cached_bytes"], 7 << 20);
  EXPECT_EQ(document["under_way_chunks"], 2);
  EXPECT_EQ(document["forgotten_chunks"], 1);
  EXPECT_EQ(document["ranges_left_out"], 0);
  const auto& ranges = document["ranges"];
  ASSERT_EQ(ranges.size(), 8U);
  EXPECT_EQ(ranges[0]["prefetched"], false);
  EXPECT_FALSE(ranges[0].contains("expert"));
  EXPECT_EQ(ranges[1]["first_chunk"], 1);
  EXPECT_EQ(ranges[1]["last_chunk"], 3);
  EXPECT_EQ(ranges[1]["expert"], "ppm");
  EXPECT_EQ(ranges[1]["program"], "/bin/cat");
  EXPECT_EQ(ranges[1]["outcome"], "used");
  EXPECT_EQ(ranges[2]["outcome"], "late");
  EXPECT_EQ(ranges[3]["outcome"], "resident");
  EXPECT_EQ(ranges[3]["probability"], 0.25);
  EXPECT_EQ(ranges[4]["outcome"], "wasted");
  EXPECT_EQ(ranges[4]["state"], "evicted for a prefetch");
}

TEST_F(ExplanationTest, APersonReadsTheSame) {
  EXPECT_EQ(explanation_text(json()),
            "d/file\n"
            "  size            12.0 MiB in 12 chunks of 1.0 MiB\n"
            "  cached          7.0 MiB in 7 chunks, 2 more on their way\n"
            "  chunk 0         fetched when it was asked for; cached\n"
            "  chunks 1-3      fetched ahead by ppm for /bin/cat (probability 1.00), there in "
            "time; cached\n"
            "  chunk 4         fetched ahead by ppm for /bin/cat (probability 0.50), asked for on "
            "its way: late; cached\n"
            "  chunk 5         fetched ahead by ppm for /bin/cat (probability 0.25), not asked "
            "for yet; cached\n"
            "  chunk 6         fetched ahead by ppm for /bin/cat (probability 0.25), never asked "
            "for: wasted; evicted for a prefetch\n"
            "  chunk 7         fetched when it was asked for; evicted for a read\n"
            "  chunk 8         fetched when it was asked for; damaged\n"
            "  chunk 9         fetched when it was asked for; not kept\n"
            "  not known       how 1 cached chunks came: in an earlier run, or too long ago\n");
  EXPECT_EQ(explanation_text("nonsense"), "");
  EXPECT_EQ(explanation_text("{}"), "");
}

TEST_F(ExplanationTest, AFileThatWasNotSeenIsSaidToBeSo) {
  VersionFate nothing;
  nothing.chunk_size_bytes = 1 << 20;
  nothing.chunks = 12;
  EXPECT_NE(explanation_text(explanation_json(kFile, nothing, ledger_)).find("not seen"),
            std::string::npos);
}

TEST_F(ExplanationTest, OfTooManyRangesTheFirstAreTold) {
  VersionFate many = example(account_);
  many.remembered.clear();
  for (std::uint32_t i = 0; i < kRangesToldMax + 5; ++i)
    many.remembered.push_back({2 * i, 2 * i, {}});
  const std::string document = explanation_json(kFile, many, ledger_);
  EXPECT_EQ(nlohmann::json::parse(document)["ranges"].size(), kRangesToldMax);
  EXPECT_NE(explanation_text(document).find("and 5 ranges more"), std::string::npos);
}

TEST_F(ExplanationTest, AKeyThatIsNotUtf8IsStillADocument) {
  EXPECT_TRUE(
      nlohmann::json::accept(explanation_json({"\xff", "", 1}, example(account_), ledger_)));
}

}  // namespace
}  // namespace augurfs
