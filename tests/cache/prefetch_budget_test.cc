#include "cache/prefetch_budget.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>

#include "support/manual_clock.h"
#include "support/seeds.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class PrefetchBudgetTest : public testing::Test {
 protected:
  void open(PrefetchAmount per_day) {
    budget_.reset();
    PrefetchBudgetOptions options;
    options.file = file_;
    options.per_day = per_day;
    options.now = steady_.function();
    options.wall_now = wall_.function();
    budget_ = std::make_unique<PrefetchBudget>(options);
  }

  void pass(std::chrono::nanoseconds time) {
    steady_.advance(time);
    wall_.advance(std::chrono::duration_cast<ManualWallClock::Duration>(time));
  }

  std::optional<std::string> file() const {
    std::ifstream in(file_);
    if (!in) return std::nullopt;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  // The file as it is now is what the next one finds.
  void crash(PrefetchAmount per_day) {
    const auto left = file();
    budget_.reset();
    if (left) directory_.write("prefetch_budget", *left);
    open(per_day);
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "prefetch_budget";
  ManualClock steady_;
  ManualWallClock wall_;
  std::unique_ptr<PrefetchBudget> budget_;
};

constexpr std::uint64_t kAny = PrefetchAmount::kUnlimited;

TEST_F(PrefetchBudgetTest, GrantsUpToTheBudgetAndNotAByteMore) {
  open({1000, kAny});
  EXPECT_TRUE(budget_->charge({999, 1}));
  EXPECT_FALSE(budget_->charge({2, 1}));
  EXPECT_FALSE(budget_->exhausted());
  EXPECT_TRUE(budget_->charge({1, 1}));
  EXPECT_TRUE(budget_->exhausted());
  EXPECT_EQ(budget_->spent(), (PrefetchAmount{1000, 2}));
}

TEST_F(PrefetchBudgetTest, RequestsHaveABudgetOfTheirOwn) {
  open({kAny, 2});
  EXPECT_TRUE(budget_->charge({1 << 30, 1}));
  EXPECT_TRUE(budget_->charge({0, 1}));
  EXPECT_FALSE(budget_->charge({0, 1}));
  EXPECT_TRUE(budget_->exhausted());
}

TEST_F(PrefetchBudgetTest, NothingIsGrantedOfNothing) {
  open({0, kAny});
  EXPECT_TRUE(budget_->exhausted());
  EXPECT_FALSE(budget_->charge({1, 1}));
  EXPECT_FALSE(file());
}

TEST_F(PrefetchBudgetTest, WhatWasSpentIsForgottenWhenItsSlotIsADayOld) {
  open({100, kAny});
  EXPECT_TRUE(budget_->charge({60, 1}));
  pass(hours{12});
  EXPECT_TRUE(budget_->charge({40, 1}));
  pass(hours{12} - seconds{1});
  EXPECT_FALSE(budget_->charge({1, 1}));
  pass(PrefetchBudget::kSlot + seconds{1});
  EXPECT_TRUE(budget_->charge({60, 1}));
  EXPECT_FALSE(budget_->charge({1, 1}));
}

TEST_F(PrefetchBudgetTest, AnOrderlyEndLosesAndGivesNothing) {
  open({1'000'000, 1000});
  EXPECT_TRUE(budget_->charge({10, 1}));
  open({1'000'000, 1000});
  EXPECT_EQ(budget_->spent(), (PrefetchAmount{10, 1}));
  pass(hours{25});
  open({1'000'000, 1000});
  EXPECT_EQ(budget_->spent(), (PrefetchAmount{0, 0}));
}

TEST_F(PrefetchBudgetTest, ACrashCountsAsSpentWhatMayHaveBeen) {
  open({6400, kAny});
  EXPECT_TRUE(budget_->charge({1, 1}));
  const auto reserved = file();
  EXPECT_TRUE(budget_->charge({99, 1})) << "of the 64th part that was reserved";
  EXPECT_EQ(file(), reserved);
  crash({6400, kAny});
  EXPECT_EQ(budget_->spent().bytes, 100U);
}

TEST_F(PrefetchBudgetTest, AWallClockThatWentBackBetweenMountsAgesNothing) {
  open({100, kAny});
  EXPECT_TRUE(budget_->charge({100, 1}));
  budget_.reset();
  wall_.advance(-hours{24 * 365});
  open({100, kAny});
  EXPECT_TRUE(budget_->exhausted());
  pass(hours{24} + PrefetchBudget::kSlot);
  EXPECT_FALSE(budget_->exhausted());
}

TEST_F(PrefetchBudgetTest, AWallClockSetDuringAMountChangesNothing) {
  open({100, kAny});
  EXPECT_TRUE(budget_->charge({100, 1}));
  wall_.advance(hours{48});
  EXPECT_TRUE(budget_->exhausted());
}

TEST_F(PrefetchBudgetTest, AFileThatIsNoneIsReplaced) {
  const std::string head = "augurfs-prefetch-budget-1\n";
  for (const std::string& wrong : {std::string("\x80\xff"), head + "1 2", head + "1 2 3\n",
                                   head + "-5 1 1\nend\n", head + "x 1 1\nend\n", std::string()}) {
    directory_.write("prefetch_budget", wrong);
    open({100, kAny});
    EXPECT_EQ(budget_->spent(), (PrefetchAmount{0, 0})) << wrong;
    EXPECT_TRUE(budget_->charge({1, 1})) << wrong;
  }
}

TEST_F(PrefetchBudgetTest, AFileThatSaysTooMuchLeavesNothing) {
  const auto slot = std::chrono::floor<minutes>(wall_.now().time_since_epoch()).count() / 5;
  std::string text = "augurfs-prefetch-budget-1\n";
  for (int i = 0; i < 3; ++i) {
    text += std::to_string(slot - i) + " 9223372036854775808 1\n";
  }
  directory_.write("prefetch_budget", text + "end\n");
  open({100, kAny});
  EXPECT_TRUE(budget_->exhausted());
  EXPECT_FALSE(budget_->charge({1, 1}));
}

TEST_F(PrefetchBudgetTest, WithoutAPlaceForItsFileNothingIsGranted) {
  file_ = directory_.path() / "none" / "prefetch_budget";
  open({100, kAny});
  EXPECT_FALSE(budget_->charge({1, 1}));
  std::filesystem::create_directory(directory_.path() / "none");
  EXPECT_TRUE(budget_->charge({1, 1}));
}

// Whatever is asked for, whenever, with restarts and crashes in between: over each 24 hours what
// was granted is at most the budget.
TEST_F(PrefetchBudgetTest, OverNoWindowIsItExceeded) {
  constexpr std::uint64_t kBytes = 10'000;
  constexpr std::uint64_t kRequests = 300;
  struct Granted {
    ManualClock::TimePoint time;
    PrefetchAmount amount;
  };
  const Seeds tried = seeds(10);
  for (std::uint64_t seed = tried.first; seed < tried.end(); ++seed) {
    std::mt19937_64 random(seed);
    const auto upto = [&](std::uint64_t max) {
      return std::uniform_int_distribution<std::uint64_t>(0, max)(random);
    };
    std::filesystem::remove(file_);
    open({kBytes, kRequests});
    std::deque<Granted> day;
    std::uint64_t grants = 0;
    for (int step = 0; step < 2000; ++step) {
      pass(seconds{upto(upto(9) == 0 ? 20'000 : 400)});
      const std::uint64_t what = upto(99);
      if (what == 0) open({kBytes, kRequests});
      if (what == 1) crash({kBytes, kRequests});
      const PrefetchAmount amount{upto(upto(1) == 0 ? 10 : 2000), 1 + upto(3)};
      if (!budget_->charge(amount)) continue;
      ++grants;
      day.push_back({steady_.now(), amount});
      while (day.front().time <= steady_.now() - hours{24}) day.pop_front();
      PrefetchAmount sum{0, 0};
      for (const Granted& granted : day) {
        sum.bytes += granted.amount.bytes;
        sum.requests += granted.amount.requests;
      }
      ASSERT_LE(sum.bytes, kBytes) << "seed " << seed;
      ASSERT_LE(sum.requests, kRequests) << "seed " << seed;
    }
    ASSERT_GT(grants, 100U) << "seed " << seed << ": a test of a budget that grants";
  }
}

}  // namespace
}  // namespace augurfs
