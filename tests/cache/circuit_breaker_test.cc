#include "cache/circuit_breaker.h"

#include <gtest/gtest.h>

#include "support/manual_clock.h"

namespace augurfs {
namespace {

class CircuitBreakerTest : public testing::Test {
 protected:
  void fail(int times) {
    for (int i = 0; i < times; ++i) breaker_.failed("test");
  }

  ManualClock clock_;
  CircuitBreaker breaker_{"write", clock_.function()};
};

TEST_F(CircuitBreakerTest, OpensAfterFailuresInARowOnly) {
  fail(CircuitBreaker::kFailuresMax - 1);
  breaker_.succeeded();
  fail(CircuitBreaker::kFailuresMax - 1);
  EXPECT_TRUE(breaker_.allows());
  fail(1);
  EXPECT_FALSE(breaker_.healthy());
  EXPECT_FALSE(breaker_.allows());
}

TEST_F(CircuitBreakerTest, AllowsOneAttemptAfterAWhile) {
  fail(CircuitBreaker::kFailuresMax);
  clock_.advance(CircuitBreaker::kRetryAfter - std::chrono::milliseconds(1));
  EXPECT_FALSE(breaker_.allows());
  clock_.advance(std::chrono::milliseconds(1));
  EXPECT_TRUE(breaker_.allows());
  EXPECT_FALSE(breaker_.allows());
}

TEST_F(CircuitBreakerTest, ClosesWhenTheAttemptSucceedsAndStaysOpenWhenItFails) {
  fail(CircuitBreaker::kFailuresMax);
  clock_.advance(CircuitBreaker::kRetryAfter);
  ASSERT_TRUE(breaker_.allows());
  breaker_.failed("test");
  EXPECT_FALSE(breaker_.allows());
  clock_.advance(CircuitBreaker::kRetryAfter);
  ASSERT_TRUE(breaker_.allows());
  breaker_.succeeded();
  EXPECT_TRUE(breaker_.healthy());
  EXPECT_TRUE(breaker_.allows());
}

}  // namespace
}  // namespace augurfs
