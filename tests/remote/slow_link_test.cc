#include "remote/slow_link.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(SlowLink, TransfersQueueBehindEachOtherOnOneBandwidth) {
  SlowLink link(milliseconds{0}, 8e6);  // a megabyte a second
  const SlowLink::TimePoint start{hours{1}};
  EXPECT_EQ(link.arrival(1000, start), start + milliseconds{1});
  EXPECT_EQ(link.arrival(1000, start), start + milliseconds{2});
  EXPECT_EQ(link.arrival(500'000, start), start + milliseconds{502});
}

TEST(SlowLink, AnIdleLinkSavesNothingUp) {
  SlowLink link(milliseconds{0}, 8e6);
  const SlowLink::TimePoint start{hours{1}};
  EXPECT_EQ(link.arrival(1000, start), start + milliseconds{1});
  EXPECT_EQ(link.arrival(1000, start + hours{1}), start + hours{1} + milliseconds{1});
}

TEST(SlowLink, WithoutLimitsNothingWaits) {
  SlowLink link(milliseconds{0}, 0);
  EXPECT_TRUE(link.round_trip({}));
  EXPECT_TRUE(link.transfer(1ULL << 60, {}));
}

TEST(SlowLink, AStopEndsEveryWait) {
  SlowLink link(hours{24}, 1);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(link.round_trip(stop.get_token()));
  EXPECT_FALSE(link.transfer(1 << 20, stop.get_token()));
}

}  // namespace
}  // namespace augurfs
