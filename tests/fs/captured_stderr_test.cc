#include "fs/captured_stderr.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace augurfs {
namespace {

void complain(std::string_view text) {
  ASSERT_EQ(::write(STDERR_FILENO, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

TEST(CapturedStderr, LinesBecomeOneAndTheLastEndIsDropped) {
  const CapturedStderr captured;
  complain("first\nsecond\n\n");
  EXPECT_EQ(captured.text(), "first;second");
}

TEST(CapturedStderr, ALongComplaintIsCut) {
  const CapturedStderr captured;
  complain(std::string(5000, 'x'));
  EXPECT_EQ(captured.text(), std::string(1024, 'x'));
}

TEST(CapturedStderr, StderrIsItselfAgainAfterwards) {
  const CapturedStderr outer;
  {
    const CapturedStderr inner;
    complain("inner");
  }
  complain("outer");
  EXPECT_EQ(outer.text(), "outer");
}

}  // namespace
}  // namespace augurfs
