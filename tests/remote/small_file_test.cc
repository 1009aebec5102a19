#include "remote/small_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::size_t kMiB = 1 << 20;

TEST(SmallFile, IsReadUpToItsBound) {
  const TemporaryDirectory directory;
  const auto file = directory.write("file", std::string(kMiB, 'x'));
  EXPECT_EQ(read_small_file(file).value(), std::string(kMiB, 'x'));
  EXPECT_EQ(read_small_file(directory.write("empty", "")).value(), "");
  ASSERT_EQ(::truncate(file.c_str(), kMiB + 1), 0);
  EXPECT_THAT(read_small_file(file).error().message,
              AllOf(StartsWith(file.string()), HasSubstr("larger than the 1 MiB")));
  EXPECT_TRUE(read_small_file(file, 4 * kMiB));
  ASSERT_EQ(::truncate(file.c_str(), std::int64_t{2} << 30), 0);
  EXPECT_THAT(read_small_file(file, 4 * kMiB).error().message, HasSubstr("larger than the 4 MiB"));
}

TEST(SmallFile, WhatIsNoFileIsRefusedAndNoneIsNoError) {
  const TemporaryDirectory directory;
  const auto pipe = directory.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(read_small_file(pipe).error().message, pipe.string() + ": no regular file");
  EXPECT_EQ(read_small_file(directory.path()).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(read_small_file(directory.path() / "none").value(), std::nullopt);
}

TEST(SmallFile, IsWrittenWholeOrNotAtAllAndForItsUserAlone) {
  const TemporaryDirectory directory;
  const auto file = directory.path() / "p";
  ASSERT_TRUE(write_small_file(file, "one"));
  ASSERT_TRUE(write_small_file(file, "two"));
  EXPECT_EQ(read_small_file(file).value(), "two");
  struct stat found {};
  ASSERT_EQ(::stat(file.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600U);
  const auto nowhere = directory.path() / "nowhere" / "p";
  EXPECT_EQ(write_small_file(nowhere, "x").error().message,
            "cannot write " + nowhere.string() + ": No such file or directory");
  const auto taken = directory.path() / "directory";
  std::filesystem::create_directory(taken);
  EXPECT_FALSE(write_small_file(taken, "x"));
  EXPECT_FALSE(std::filesystem::exists(taken.string() + ".new")) << "it cleans up";
}

}  // namespace
}  // namespace augurfs
