#include "cache/link_meter.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kQuick{4};
constexpr milliseconds kSlow{40};

class LinkMeterTest : public testing::Test {
 protected:
  // Enough for a few samples, at so many bytes a millisecond.
  void receive(std::uint64_t bytes_per_ms, bool by_long_haul) {
    for (std::uint64_t bytes = 0; bytes < 4 * LinkMeter::kSampleBytes; bytes += bytes_per_ms) {
      now_ += milliseconds{1};
      meter_.received(bytes_per_ms, by_long_haul, now_);
    }
  }

  LinkMeter meter_;
  LinkMeter::Time now_{std::chrono::hours{1}};
};

TEST_F(LinkMeterTest, OneConnectionThatIsQuickIsTried) {
  EXPECT_TRUE(meter_.one_is_enough(kQuick));
  EXPECT_FALSE(meter_.one_is_enough(kSlow));
}

TEST_F(LinkMeterTest, OneThatBringsAllThatAnybodyNeedsIsEnough) {
  receive(300'000, true);
  EXPECT_TRUE(meter_.one_is_enough(kSlow));
}

TEST_F(LinkMeterTest, OneThatBringsLessIsEnoughWhenManyBringNoMore) {
  receive(80'000, true);
  EXPECT_FALSE(meter_.one_is_enough(kQuick)) << "many have to be tried";
  receive(85'000, false);
  EXPECT_TRUE(meter_.one_is_enough(kQuick));
}

TEST_F(LinkMeterTest, WhereManyBringMuchMoreOneIsNotEnough) {
  receive(80'000, true);
  receive(800'000, false);
  EXPECT_FALSE(meter_.one_is_enough(kQuick));
}

TEST_F(LinkMeterTest, AnIdleLinkSaysNothing) {
  for (int i = 0; i < 100; ++i) {
    now_ += LinkMeter::kIdle + milliseconds{1};
    meter_.received(LinkMeter::kSampleBytes, true, now_);
  }
  EXPECT_FALSE(meter_.one_is_enough(kSlow)) << "as if nothing were known";
  EXPECT_TRUE(meter_.one_is_enough(kQuick));
}

}  // namespace
}  // namespace augurfs
