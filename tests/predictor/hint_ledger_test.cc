#include "predictor/hint_ledger.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace augurfs {
namespace {

using namespace std::string_literals;

PrefetchTally used(std::uint64_t bytes) {
  PrefetchTally tally;
  tally.used_bytes = bytes;
  tally.fetched_chunks = tally.used_chunks = 1;
  return tally;
}

TEST(HintLedger, TheSameNamesAreTheSameAccount) {
  HintLedger ledger;
  const auto a = ledger.account(ExpertId::kReadahead, "/bin/cat", "d/");
  EXPECT_EQ(ledger.account(ExpertId::kReadahead, "/bin/cat", "d/"), a);
  std::set<std::uint32_t> all{0, a};
  EXPECT_TRUE(all.insert(ledger.account(ExpertId::kPpm, "/bin/cat", "d/")).second);
  EXPECT_TRUE(all.insert(ledger.account(ExpertId::kReadahead, "/bin/ls", "d/")).second);
  EXPECT_TRUE(all.insert(ledger.account(ExpertId::kReadahead, "/bin/cat", "e/")).second);
  EXPECT_TRUE(all.insert(ledger.account(ExpertId::kReadahead, "/bin/cat\0d"s, "/")).second);
}

TEST(HintLedger, AReportAddsUpByName) {
  HintLedger ledger;
  std::vector<PrefetchTally> tallies(4);
  tallies[ledger.account(ExpertId::kReadahead, "/bin/cat", "d/")] = used(1);
  tallies[ledger.account(ExpertId::kReadahead, "", "")] = used(20);
  tallies[ledger.account(ExpertId::kPpm, "/bin/cat", "e/")] = used(300);
  const auto by_expert = ledger.report(HintLedger::By::kExpert, tallies);
  ASSERT_EQ(by_expert.size(), 2U);
  EXPECT_EQ(by_expert[0].name, "ppm");
  EXPECT_EQ(by_expert[0].tally.used_bytes, 300U);
  EXPECT_EQ(by_expert[1].name, "readahead");
  EXPECT_EQ(by_expert[1].tally.used_bytes, 21U);
  const auto by_program = ledger.report(HintLedger::By::kProgram, tallies);
  ASSERT_EQ(by_program.size(), 2U);
  EXPECT_EQ(by_program[0].name, "/bin/cat");
  EXPECT_EQ(by_program[0].tally.used_bytes, 301U);
  EXPECT_EQ(by_program[1].name, "(unknown)");
  const auto by_directory = ledger.report(HintLedger::By::kDirectory, tallies);
  ASSERT_EQ(by_directory.size(), 3U);
  EXPECT_EQ(by_directory[1].name, "/");
}

TEST(HintLedger, NothingFetchedIsNoLine) {
  HintLedger ledger;
  ledger.account(ExpertId::kReadahead, "/bin/cat", "d/");
  EXPECT_TRUE(ledger.report(HintLedger::By::kExpert, std::vector<PrefetchTally>(2)).empty());
  EXPECT_EQ(ledger.report(HintLedger::By::kExpert, std::vector{used(5)})[0].name, "none");
}

TEST(HintLedger, WhatIsTooMuchIsBookedAsThatOfOthers) {
  HintLedger ledger;
  std::uint32_t last = 0;
  for (int i = 0; i < 20'000; ++i) {
    last = ledger.account(ExpertId::kReadahead, "/bin/cat", std::to_string(i) + "/");
    ASSERT_LT(last, kPrefetchAccountsMax);
  }
  std::vector<PrefetchTally> tallies(kPrefetchAccountsMax);
  tallies[last] = used(1);
  EXPECT_EQ(ledger.report(HintLedger::By::kDirectory, tallies)[0].name, "(others)");
  EXPECT_EQ(ledger.report(HintLedger::By::kExpert, tallies)[0].name, "readahead");
  EXPECT_EQ(ledger.account(ExpertId::kReadahead, "/bin/cat", "0/"), 1U) << "the known stay";
  EXPECT_NE(ledger.account(ExpertId::kPpm, "/bin/cat", "x/"), last) << "each expert has its own";
}

TEST(HintLedger, AnExpertWithoutANameHasItsNumber) {
  EXPECT_EQ(name_of(ExpertId::kReadahead), "readahead");
  EXPECT_EQ(name_of(ExpertId{200}), "expert-200");
}

}  // namespace
}  // namespace augurfs
