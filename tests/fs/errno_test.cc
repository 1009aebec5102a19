#include "fs/errno.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace augurfs {
namespace {

TEST(Errno, EveryCodeHasTheErrnoThatAProgramCanActOn) {
  EXPECT_EQ(to_errno(ErrorCode::kNotFound), ENOENT);
  EXPECT_EQ(to_errno(ErrorCode::kStale), ESTALE);
  EXPECT_EQ(to_errno(ErrorCode::kDenied), EACCES);
  EXPECT_EQ(to_errno(ErrorCode::kTimeout), ETIMEDOUT);
  EXPECT_EQ(to_errno(ErrorCode::kUnavailable), EIO);
  EXPECT_EQ(to_errno(ErrorCode::kCorrupt), EIO);
  EXPECT_EQ(to_errno(ErrorCode::kNoSpace), ENOSPC);
  EXPECT_EQ(to_errno(ErrorCode::kCancelled), EINTR);
  EXPECT_EQ(to_errno(ErrorCode::kInvalid), EINVAL);
  EXPECT_EQ(to_errno(ErrorCode::kReadOnly), EROFS);
}

}  // namespace
}  // namespace augurfs
