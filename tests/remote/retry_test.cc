#include "remote/retry.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/manual_clock.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RetryTest : public testing::Test {
 protected:
  // Sleeps are noted, and take no time but on the manual clock.
  RetryClock clock() {
    RetryClock clock;
    clock.now = time_.function();
    clock.sleep = [this](milliseconds time, const std::stop_token& stop) {
      sleeps_.push_back(time);
      time_.advance(time);
      return !stop.stop_requested();
    };
    clock.random = [this] { return random_; };
    return clock;
  }

  ManualClock time_;
  std::vector<milliseconds> sleeps_;
  double random_ = .5;
};

TEST_F(RetryTest, WaitsTwiceAsLongEachTimeUpToABound) {
  random_ = 1;
  Retry retry(seconds(100), clock());
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(retry.wait(100, std::nullopt, {}));
  const std::vector<milliseconds> expected{
      milliseconds(100),  milliseconds(200),  milliseconds(400),  milliseconds(800),
      milliseconds(1600), milliseconds(3200), milliseconds(5000), milliseconds(5000)};
  EXPECT_EQ(sleeps_, expected);
}

TEST_F(RetryTest, TheWholeWaitIsJitter) {
  Retry retry(seconds(100), clock());
  random_ = 0;
  EXPECT_TRUE(retry.wait(100, std::nullopt, {}));
  random_ = .25;
  EXPECT_TRUE(retry.wait(100, std::nullopt, {}));
  EXPECT_EQ(sleeps_, (std::vector<milliseconds>{milliseconds(0), milliseconds(50)}));
}

TEST_F(RetryTest, EndsAfterSoManyAttempts) {
  Retry retry(seconds(100), clock());
  EXPECT_TRUE(retry.wait(3, std::nullopt, {}));
  EXPECT_TRUE(retry.wait(3, std::nullopt, {}));
  EXPECT_FALSE(retry.wait(3, std::nullopt, {}));
  EXPECT_EQ(retry.attempts(), 3);
  EXPECT_EQ(sleeps_.size(), 2U);
}

TEST_F(RetryTest, ProgressRenewsTheAttemptsButNotTheDeadline) {
  Retry retry(seconds(10), clock());
  int attempts = 0;
  do {
    retry.progressed(milliseconds(0));
    time_.advance(seconds(1));
    ++attempts;
  } while (retry.wait(3, std::nullopt, {}));
  EXPECT_EQ(attempts, 10);
  for (const milliseconds sleep : sleeps_) EXPECT_EQ(sleep, milliseconds(50));
}

TEST_F(RetryTest, BytesMoveTheDeadlineByWhatTheyHaveEarned) {
  Retry retry(seconds(10), clock());
  time_.advance(seconds(9));
  retry.progressed(seconds(3));
  EXPECT_EQ(retry.left(), seconds(4));
}

TEST_F(RetryTest, NeverSleepsPastTheDeadline) {
  random_ = 1;
  Retry retry(milliseconds(250), clock());
  EXPECT_TRUE(retry.wait(100, std::nullopt, {}));
  EXPECT_EQ(retry.left(), milliseconds(150));
  EXPECT_FALSE(retry.wait(100, std::nullopt, {}));
  time_.advance(seconds(1));
  EXPECT_EQ(retry.left(), milliseconds(0));
}

TEST_F(RetryTest, WaitsAtLeastAsLongAsTheServerAsks) {
  Retry retry(seconds(100), clock());
  EXPECT_TRUE(retry.wait(100, seconds(7), {}));
  EXPECT_EQ(sleeps_.at(0), milliseconds(7'050));
}

TEST_F(RetryTest, GivesUpAtOnceWhenTheServerAsksForMoreThanIsLeft) {
  Retry retry(seconds(100), clock());
  EXPECT_FALSE(retry.wait(100, seconds(101), {}));
  EXPECT_TRUE(sleeps_.empty());
}

TEST_F(RetryTest, AStopRequestEndsTheSleep) {
  Retry retry(seconds(1000), RetryClock());
  bool waited = true;
  std::jthread thread(
      [&](const std::stop_token& stop) { waited = retry.wait(100, seconds(900), stop); });
  thread.request_stop();
  thread.join();
  EXPECT_FALSE(waited);
}

TEST(RetryClock, TheRealOneDrawsFromZeroToOne) {
  const RetryClock clock;
  for (int i = 0; i < 1000; ++i) {
    const double drawn = clock.random();
    EXPECT_GE(drawn, 0);
    EXPECT_LT(drawn, 1);
  }
}

TEST(IsTransient, SaysWhichStatusesAreWorthAnotherTry) {
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(is_transient(status));
  for (const int status : {200, 301, 400, 401, 403, 404, 412, 416, 501}) {
    EXPECT_FALSE(is_transient(status)) << status;
  }
}

TEST(ParseRetryAfter, TakesSecondsOrADate) {
  const std::chrono::system_clock::time_point now{seconds(1'445'412'480)};
  EXPECT_EQ(parse_retry_after("0", now), milliseconds(0));
  EXPECT_EQ(parse_retry_after("120", now), seconds(120));
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:30 GMT", now), seconds(30));
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:27:00 GMT", now), seconds(0));
  EXPECT_EQ(parse_retry_after("99999999999999999999", now), std::chrono::hours(24));
  for (const char* bad : {"", "soon", "-1", "1.5", "10 s"}) {
    EXPECT_FALSE(parse_retry_after(bad, now)) << bad;
  }
}

}  // namespace
}  // namespace augurfs
