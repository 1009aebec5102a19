// Programs that say what they will read.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/eventually.h"
#include "support/mount.h"

namespace augurfs {
namespace {

using testing::HasSubstr;

class MountedHints : public testing::Test {
 protected:
  ProgramResult mount() { return drive_.mount({"--set", "prefetch.brain=false"}); }

  ProgramResult hint(const std::string& reads, const std::string& option = "") {
    const std::filesystem::path list = drive_.cache().parent_path() / "reads";
    std::ofstream(list) << reads;
    return run_program({"/bin/sh", "-c", R"(exec "$1" hint "$2" $3 < "$4")", "sh",
                        augurfs_program(), drive_.path(), option, list},
                       drive_.environment());
  }
  std::uint64_t hints(const std::string& name) const { return drive_.status("hints", name); }

  TestMount drive_{"round_trip_ms=20"};
};

TEST_F(MountedHints, WhatIsAnnouncedIsThereWhenItIsRead) {
  constexpr int kFiles = 60;
  std::string reads;
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = "d" + std::to_string(i % 3) + "/" + std::to_string(i * 37 % kFiles);
    drive_.put(name, some_bytes(3000, static_cast<std::uint32_t>(i)));
    // With the mount point before it, or without.
    reads += (i % 2 == 0 ? drive_.path(name).string() : "./" + name) + "\n";
  }
  ASSERT_EQ(mount().exit_code, 0);
  const ProgramResult said = hint(reads);
  ASSERT_EQ(said.exit_code, 0) << said.errors;
  EXPECT_EQ(said.output, "60 reads announced\n");
  ASSERT_TRUE(eventually([&] { return drive_.status("prefetch", "bytes") == kFiles * 3000; }));
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = "d" + std::to_string(i % 3) + "/" + std::to_string(i * 37 % kFiles);
    EXPECT_EQ(read_file(drive_.path(name)), some_bytes(3000, static_cast<std::uint32_t>(i)));
  }
  EXPECT_EQ(drive_.status("cache", "misses"), 0U);
  EXPECT_TRUE(eventually([&] { return hints("read") == kFiles; }));
  EXPECT_THAT(drive_.augurfs({"status", drive_.path()}).output, HasSubstr("60 read, 0 passed"));
  EXPECT_THAT(drive_.augurfs({"prefetch", "report", drive_.path()}).output,
              HasSubstr("reading-list"));
}

TEST_F(MountedHints, WhatIsAnnouncedAndListedIsInMemoryWhenItIsRead) {
  constexpr int kFiles = 20;
  std::string reads;
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = "d/" + std::to_string(i);
    drive_.put(name, some_bytes(20'000, static_cast<std::uint32_t>(i)));
    reads += name + "\n";
  }
  ASSERT_EQ(mount().exit_code, 0);
  ASSERT_EQ(std::distance(std::filesystem::directory_iterator(drive_.path("d")), {}), kFiles);
  ASSERT_EQ(hint(reads).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return drive_.status("memory", "stored") == kFiles; }));
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_EQ(read_file(drive_.path("d/" + std::to_string(i))),
              some_bytes(20'000, static_cast<std::uint32_t>(i)));
  }
  const auto chunk_reads = [&] {
    return drive_.status("cache", "hits") + drive_.status("cache", "ahead") +
           drive_.status("cache", "misses");
  };
  // None, unless somebody has had the pages of this machine dropped meanwhile.
  EXPECT_LT(chunk_reads(), kFiles / 2) << "the kernel asked for bytes";
  EXPECT_GT(drive_.status("memory", "opened"), kFiles / 2);
  EXPECT_EQ(drive_.status("prefetch", "used_bytes"), kFiles * 20'000);
  EXPECT_TRUE(eventually([&] { return hints("read") >= kFiles; }));
}

TEST_F(MountedHints, IntoMemoryNothingGoesWhenItIsSwitchedOff) {
  drive_.put("a", "bytes");
  ASSERT_EQ(
      drive_.mount({"--set", "prefetch.brain=false", "--set", "prefetch.into_memory=0"}).exit_code,
      0);
  ASSERT_TRUE(std::filesystem::exists(drive_.path("a")));
  ASSERT_EQ(hint("a\n").exit_code, 0);
  ASSERT_TRUE(eventually([&] { return drive_.status("prefetch", "bytes") == 5; }));
  EXPECT_EQ(read_file(drive_.path("a")), "bytes");
  EXPECT_EQ(drive_.status("cache", "ahead"), 1U);
  EXPECT_EQ(drive_.status("memory", "stored"), 0U);
}

TEST_F(MountedHints, OnlyThePartThatIsAnnouncedIsFetched) {
  drive_.put("large", some_bytes(8 << 20));
  ASSERT_EQ(mount().exit_code, 0);
  ASSERT_EQ(hint("large\t5000000\t1000\n").exit_code, 0);
  ASSERT_TRUE(eventually([&] { return drive_.status("prefetch", "bytes") == 256 << 10; }));
  EXPECT_EQ(hints("ahead_bytes"), 1000U);
}

TEST_F(MountedHints, WhatCannotBeAnnouncedIsToldAndTheRestIsFollowed) {
  drive_.put("a", "bytes");
  ASSERT_EQ(mount().exit_code, 0);
  const ProgramResult said = hint("a\n/etc/passwd\n../b\nabsent\n");
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_EQ(said.output, "2 reads announced\n");
  EXPECT_THAT(said.errors,
              HasSubstr("2 left out, the first: '/etc/passwd': not below the mount point"));
  EXPECT_TRUE(eventually([&] { return hints("ahead") == 1 && hints("unknown") == 1; }));
}

TEST_F(MountedHints, ALineWithoutAnEndIsNotReadIntoMemory) {
  drive_.put("a", "bytes");
  ASSERT_EQ(mount().exit_code, 0);
  const ProgramResult said = hint("a\n" + std::string(5 << 20, 'x'));
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_THAT(said.errors, HasSubstr("a path of more than 4 MiB"));
  // The last line of a list may go without its end, and lines may be empty.
  EXPECT_EQ(hint("\na\n\na").output, "2 reads announced\n");
}

TEST_F(MountedHints, AListIsReplacedAndCleared) {
  drive_.put("a", "bytes");
  ASSERT_EQ(mount().exit_code, 0);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "a\n";
  ASSERT_EQ(hint(many).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return hints("waiting") == 1000 - 512; }));
  ASSERT_EQ(hint(many).exit_code, 0);
  EXPECT_EQ(hints("waiting"), 2000 - 512);
  ASSERT_EQ(hint("a\na\na\n", "--replace").exit_code, 0);
  EXPECT_EQ(hints("waiting"), 3U);
  ASSERT_EQ(hint("", "--clear").exit_code, 0);
  EXPECT_EQ(hints("waiting"), 0U);
}

TEST_F(MountedHints, WithoutAMountItIsAnError) {
  const ProgramResult said = hint("a\n");
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_THAT(said.errors, HasSubstr("no mount of yours on " + drive_.path().string()));
}

TEST_F(MountedHints, WithPrefetchingOffNothingIsFetched) {
  drive_.put("a", "bytes");
  ASSERT_EQ(mount().exit_code, 0);
  ASSERT_EQ(drive_.augurfs({"prefetch", "off", drive_.path()}).exit_code, 0);
  ASSERT_EQ(hint("a\n").exit_code, 0);
  ASSERT_TRUE(eventually([&] { return drive_.status("prefetch", "withheld") == 1; }));
  EXPECT_EQ(drive_.status("prefetch", "bytes"), 0U);
  EXPECT_EQ(read_file(drive_.path("a")), "bytes");
}

}  // namespace
}  // namespace augurfs
