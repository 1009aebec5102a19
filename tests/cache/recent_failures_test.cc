#include "cache/recent_failures.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

ChunkKey id(std::uint32_t chunk) { return {Version{"key", "etag", 1 << 30}, chunk}; }
const Error kError{ErrorCode::kTimeout, "late"};

TEST(RecentFailures, AFailureIsKnownForItsChunkAndForAMoment) {
  RecentFailures failures;
  const RecentFailures::Time now{};
  failures.add(id(1), kError, now);
  ASSERT_TRUE(failures.find(id(1), now));
  EXPECT_EQ(failures.find(id(1), now)->message, "late");
  EXPECT_FALSE(failures.find(id(2), now));
  EXPECT_FALSE(failures.find(id(1), now + RecentFailures::kKept));
}

TEST(RecentFailures, TheOldestGoesWhenThereAreTooMany) {
  RecentFailures failures;
  const RecentFailures::Time now{};
  for (std::uint32_t chunk = 0; chunk <= RecentFailures::kFailuresMax; ++chunk) {
    failures.add(id(chunk), kError, now);
  }
  EXPECT_FALSE(failures.find(id(0), now));
  EXPECT_TRUE(failures.find(id(1), now));
}

}  // namespace
}  // namespace augurfs
