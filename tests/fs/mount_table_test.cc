#include "fs/mount_table.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTable =
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "30 22 0:40 / /mnt/plain ro,nosuid - fuse.augurfs s3://bucket/prefix ro,user_id=0\n"
    "31 22 0:41 / /mnt/with\\040space ro - fuse.augurfs file:///a\\134b\\011c ro\n"
    "32 22 0:42 / /mnt/twice rw - tmpfs below rw\n"
    "33 32 0:43 / /mnt/twice rw shared:7 master:2 - fuse.augurfs above rw,user_id=1000\n"
    "35 22 0:45 / /mnt/covered ro - fuse.augurfs file:///below ro,user_id=0,group_id=0\n"
    "36 35 0:46 / /mnt/covered rw - tmpfs above rw\n"
    "34 22 0:44 / /mnt/other rw - fuse.sshfs host: rw,user_id=0\n"
    "a line that is none\n";

class MountTable : public testing::Test {
 protected:
  std::optional<MountEntry> find(const std::string& directory) const {
    return mount_on(directory, table_);
  }

  TemporaryDirectory home_;
  fs::path table_ = home_.write("mountinfo", kTable);
};

TEST_F(MountTable, AMountIsFoundByItsDirectory) {
  const auto entry = find("/mnt/plain");
  ASSERT_TRUE(entry);
  EXPECT_TRUE(entry->is_ours());
  EXPECT_EQ(entry->source, "s3://bucket/prefix");
}

TEST_F(MountTable, ADirectoryBelowAMountIsNone) {
  EXPECT_FALSE(find("/mnt/plain/below"));
  EXPECT_FALSE(find("/mnt"));
}

TEST_F(MountTable, EscapedCharactersAreThoseOfThePath) {
  const auto entry = find("/mnt/with space");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->source, "file:///a\\b\tc");
}

TEST_F(MountTable, OfMountsUponOneAnotherTheUppermostCounts) {
  const auto entry = find("/mnt/twice");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->source, "above");
}

TEST_F(MountTable, AMountOfAnotherProgramIsNotOurs) {
  const auto entry = find("/mnt/other");
  ASSERT_TRUE(entry);
  EXPECT_FALSE(entry->is_ours());
}

TEST_F(MountTable, WithoutATableNothingIsMounted) {
  EXPECT_FALSE(mount_on("/mnt/plain", home_.path() / "missing"));
}

TEST_F(MountTable, APathBelowAMountOfOursIsKnownByIt) {
  const auto around = [&](const char* path) {
    const auto entry = our_mount_around(path, table_);
    return entry ? entry->source : "";
  };
  EXPECT_EQ(around("/mnt/plain"), "s3://bucket/prefix");
  EXPECT_EQ(around("/mnt/plain/a/b"), "s3://bucket/prefix");
  EXPECT_EQ(around("/mnt/plainer"), "");
  EXPECT_EQ(around("/mnt/twice/a"), "above");
  EXPECT_EQ(around("/mnt/covered/a"), "") << "of another program";
  EXPECT_EQ(around("/mnt/other/a"), "") << "of another program";
}

TEST_F(MountTable, MountsOfAUserAreOursUppermostAndHis) {
  const auto mounts = mounts_of(0, table_);
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts[0].directory, "/mnt/plain");
  const auto others = mounts_of(1000, table_);
  ASSERT_EQ(others.size(), 1U);
  EXPECT_EQ(others[0].source, "above");
}

TEST_F(MountTable, AProcessThatSeesAMountIsFoundByTheMountsDevice) {
  EXPECT_EQ(find("/mnt/plain")->device, "0:40");
  const TemporaryDirectory processes;
  fs::create_directory(processes.path() / "12");
  fs::create_directory(processes.path() / "12x");
  fs::create_directory(processes.path() / "13");
  processes.write("12x/mountinfo", kTable);
  EXPECT_EQ(process_that_sees("0:40", processes.path()), std::nullopt);
  processes.write("13/mountinfo", kTable);
  EXPECT_EQ(process_that_sees("0:40", processes.path()), 13);
  EXPECT_EQ(process_that_sees("0:4", processes.path()), std::nullopt);
  EXPECT_EQ(process_that_sees("0:40", processes.path() / "none"), std::nullopt);
}

}  // namespace
}  // namespace augurfs
