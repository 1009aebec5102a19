#include "fs/failure_log.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

using std::chrono::seconds;

constexpr InodeNumber kInode{7};
constexpr std::chrono::steady_clock::time_point kNow{seconds{1'000}};

TEST(FailureLog, AFailureThatIsRepeatedIsNoNews) {
  FailureLog log;
  EXPECT_TRUE(log.is_news(kInode, ErrorCode::kTimeout, kNow));
  EXPECT_FALSE(log.is_news(kInode, ErrorCode::kTimeout, kNow));
  EXPECT_FALSE(log.is_news(kInode, ErrorCode::kTimeout, kNow + seconds{59}));
}

TEST(FailureLog, AnotherInodeOrReasonIsNews) {
  FailureLog log;
  EXPECT_TRUE(log.is_news(kInode, ErrorCode::kTimeout, kNow));
  EXPECT_TRUE(log.is_news(InodeNumber{8}, ErrorCode::kTimeout, kNow));
  EXPECT_TRUE(log.is_news(kInode, ErrorCode::kDenied, kNow));
}

TEST(FailureLog, AFailureThatLastsIsNewsOnceAMinute) {
  FailureLog log;
  int lines = 0;
  for (int second = 0; second < 300; ++second) {
    if (log.is_news(kInode, ErrorCode::kTimeout, kNow + seconds{second})) ++lines;
  }
  EXPECT_EQ(lines, 5);
}

TEST(FailureLog, WhatIsRememberedIsBounded) {
  FailureLog log;
  for (std::uint64_t inode = 1; inode <= 1'000; ++inode) {
    EXPECT_TRUE(log.is_news(InodeNumber{inode}, ErrorCode::kTimeout, kNow));
  }
  EXPECT_FALSE(log.is_news(InodeNumber{1'000}, ErrorCode::kTimeout, kNow));
  EXPECT_TRUE(log.is_news(InodeNumber{1}, ErrorCode::kTimeout, kNow)) << "forgotten by now";
}

}  // namespace
}  // namespace augurfs
