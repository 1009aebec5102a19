// What becomes of a drive when the disk of its cache is full, read-only or damaged.

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "fs/expect_refused.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMebibyte = 1 << 20;

// A file system of its own, of so many bytes, for a test that runs as root.
class SmallDisk {
 public:
  explicit SmallDisk(std::uint64_t size_bytes) {
    const std::string options = "size=" + std::to_string(size_bytes);
    if (::mount("none", path().c_str(), "tmpfs", 0, options.c_str()) != 0) {
      throw std::system_error(errno, std::generic_category(), "mount a tmpfs");
    }
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() { ::umount2(path().c_str(), MNT_DETACH); }

  const fs::path& path() const { return directory_.path(); }

  std::uint64_t free_bytes() const {
    struct statvfs space {};
    ::statvfs(path().c_str(), &space);
    return std::uint64_t{space.f_bavail} * space.f_frsize;
  }

  // Somebody else takes all there is.
  void fill() const {
    std::ofstream file(path() / "somebody's", std::ios::binary | std::ios::app);
    const std::vector<char> block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void make_read_only() const {
    if (::mount("none", path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
      throw std::system_error(errno, std::generic_category(), "remount read-only");
    }
  }

 private:
  TemporaryDirectory directory_;
};

TEST(TinyDisk, AShareOfItThatIsNoCacheIsToldWithTheDisk) {
  const SmallDisk disk(40 * kMebibyte);
  TestMount drive;
  const std::string cache = disk.path() / "cache";
  expect_refused(drive, drive.mount({"--set", "cache.dir=" + cache, "--set", "cache.size=10%"}),
                 {"cache.size is 10 % of the disk of " + cache + ", which has 40.0 MiB",
                  "that is 4.0 MiB", "needs 16.0 MiB"});
}

class CacheDisk : public testing::Test {
 protected:
  static constexpr std::size_t kFileBytes = 3 * kMebibyte + 4321;

  static std::string content(std::uint32_t file) { return some_bytes(kFileBytes, file + 1); }
  static std::string name(std::uint32_t file) { return "d/" + std::to_string(file); }

  void put_files(std::uint32_t count) {
    for (; files_ < count; ++files_) drive_.put(name(files_), content(files_));
  }

  void read(std::uint32_t first, std::uint32_t count) const {
    for (std::uint32_t file = first; file < first + count; ++file) {
      EXPECT_TRUE(read_file(drive_.path(name(file))) == content(file)) << "file " << file;
    }
  }
  void read_all() const { read(0, files_); }

  ProgramResult mount_on(const SmallDisk& disk, const std::string& free_space = "0%") {
    return drive_.mount({"--set", "cache.dir=" + (disk.path() / "cache").string(), "--set",
                         "cache.free_space=" + free_space});
  }

  bool says_that_the_disk_errs() const {
    return drive_.augurfs({"status", drive_.path()}).output.find("disk errs") != std::string::npos;
  }

  fs::path index() const { return drive_.cache() / "index.db"; }

  std::vector<fs::path> chunk_files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(drive_.cache() / "objects")) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  }

  // A cache that holds all files and was closed in order.
  void fill_cache() {
    put_files(2);
    ASSERT_EQ(drive_.mount().exit_code, 0);
    read_all();
    ASSERT_EQ(drive_.unmount().exit_code, 0);
    ASSERT_EQ(chunk_files().size(), files_);
  }

  // That the drive gives the right bytes from the store, and the log says why.
  void expect_miss(const std::string& event) {
    ASSERT_EQ(drive_.mount().exit_code, 0);
    read_all();
    EXPECT_GT(drive_.status("remote", "bytes_received"), 0U);
    EXPECT_TRUE(drive_.logs(event)) << drive_.log();
  }

  TestMount drive_;
  std::uint32_t files_ = 0;
};

TEST_F(CacheDisk, ThatIsFullIsRefused) {
  const SmallDisk disk(kMebibyte);
  fs::create_directory(disk.path() / "cache");
  disk.fill();
  expect_refused(drive_, mount_on(disk),
                 {disk.path() / "cache", "No space left", "choose a cache.dir"});
}

TEST_F(CacheDisk, ThatIsReadOnlyIsRefused) {
  const SmallDisk disk(kMebibyte);
  fs::create_directory(disk.path() / "cache");
  disk.make_read_only();
  expect_refused(drive_, mount_on(disk),
                 {disk.path() / "cache", "Read-only file system", "choose a cache.dir"});
}

TEST_F(CacheDisk, SmallerThanTheCacheMayBeIsUsedAndNeverFails) {
  const SmallDisk disk(32 * kMebibyte);
  put_files(20);
  ASSERT_EQ(mount_on(disk).exit_code, 0);
  read_all();
  EXPECT_GT(drive_.status("cache", "evicted_bytes"), 0U);
  EXPECT_FALSE(says_that_the_disk_errs());
}

TEST_F(CacheDisk, SmallerThanTheCacheMayBeDoesNotEvictWhatWasReadAhead) {
  const SmallDisk disk(40 * kMebibyte);
  const std::string large = some_bytes(96 * kMebibyte);
  drive_.put("large", large);
  ASSERT_EQ(drive_
                .mount({"--set", "cache.dir=" + (disk.path() / "cache").string(), "--set",
                        "cache.size=1 GiB", "--set", "cache.free_space=0%"})
                .exit_code,
            0);
  EXPECT_TRUE(read_file(drive_.path("large")) == large);
  EXPECT_LE(drive_.status("remote", "bytes_received"), large.size() + large.size() / 20);
}

TEST_F(CacheDisk, ThatSomebodyElseFillsNeverFailsAndIsUsedAgainAfterwards) {
  const SmallDisk disk(48 * kMebibyte);
  put_files(12);
  ASSERT_EQ(mount_on(disk).exit_code, 0);
  read(0, 4);
  disk.fill();
  read(0, 8);
  EXPECT_GT(drive_.status("cache", "evicted_bytes"), 0U) << "the cache gives way";
  fs::remove(disk.path() / "somebody's");
  const std::uint64_t before = drive_.status("cache", "chunks");
  read(8, 4);
  EXPECT_GT(drive_.status("cache", "chunks"), before);
}

TEST_F(CacheDisk, ThatLeavesNoRoomIsToldInTheLogAndByStatus) {
  const SmallDisk disk(48 * kMebibyte);
  put_files(2);
  ASSERT_EQ(mount_on(disk, "47 MiB").exit_code, 0);
  read_all();
  EXPECT_GT(drive_.status("cache", "unstored_chunks"), 0U);
  EXPECT_TRUE(drive_.logs("cache.no_room")) << drive_.log();
  const auto said = drive_.augurfs({"status", drive_.path()});
  EXPECT_NE(said.output.find("chunks were not kept: the disk has"), std::string::npos)
      << said.output;
}

TEST_F(CacheDisk, KeepsAsMuchFreeAsConfigured) {
  const SmallDisk disk(64 * kMebibyte);
  put_files(20);
  ASSERT_EQ(mount_on(disk, "32 MiB").exit_code, 0);
  for (std::uint32_t file = 0; file < files_; ++file) {
    read(file, 1);
    EXPECT_GE(disk.free_bytes(), 32 * kMebibyte);
  }
  EXPECT_GT(drive_.status("cache", "chunks"), 4U) << "what may be used is used";
  EXPECT_GT(drive_.status("cache", "evicted_bytes"), 0U);
}

// The index alone has no room: SQLite fails, again and again.
TEST_F(CacheDisk, WithoutRoomForTheIndexServesTheRightBytesAndSaysSo) {
  const SmallDisk disk(2 * kMebibyte);
  put_files(8);
  ASSERT_EQ(drive_.mount().exit_code, 0);
  ASSERT_EQ(drive_.unmount().exit_code, 0);
  fs::copy_file(index(), disk.path() / "index.db");
  fs::remove(index());
  fs::create_symlink(disk.path() / "index.db", index());
  ASSERT_EQ(drive_.mount().exit_code, 0);
  read(0, 2);
  disk.fill();
  read(0, 6);
  EXPECT_TRUE(eventually([&] { return says_that_the_disk_errs(); }));
  EXPECT_TRUE(drive_.logs("cache.disk_out"));
  read_all();
  ASSERT_EQ(drive_.unmount().exit_code, 0);
  fs::remove(disk.path() / "somebody's");
  ASSERT_EQ(drive_.mount().exit_code, 0);
  read_all();
  EXPECT_FALSE(says_that_the_disk_errs());
}

TEST_F(CacheDisk, WithAnIndexOfANewerProgramIsRefusedAndLosesNothing) {
  fill_cache();
  const auto set_schema = [&](char number) {
    constexpr std::streamoff kUserVersionAt = 60;  // SQLite's file format, big-endian
    std::fstream file(index(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(kUserVersionAt);
    const std::array<char, 4> version{0, 0, 0, number};
    file.write(version.data(), version.size());
  };
  set_schema(99);
  expect_refused(drive_, drive_.mount(), {index(), "newer augurfs", "cache.dir"});
  set_schema(1);
  ASSERT_EQ(drive_.mount().exit_code, 0);
  read_all();
  EXPECT_EQ(drive_.status("remote", "bytes_received"), 0U);
}

TEST_F(CacheDisk, WithADamagedIndexStartsOver) {
  fill_cache();
  std::ofstream(index(), std::ios::binary) << std::string(10'000, 'x');
  expect_miss("cache.index_damaged");
}

TEST_F(CacheDisk, WithAFlippedBitFetchesTheChunkAgain) {
  fill_cache();
  {
    std::fstream file(chunk_files().at(0), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(kMebibyte);
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(kMebibyte);
    file.put(byte);
  }
  expect_miss("cache.corrupt");
  EXPECT_EQ(drive_.status("remote", "bytes_received"), kMebibyte / 4) << "one chunk";
}

TEST_F(CacheDisk, WithATruncatedFileFetchesWhatIsMissing) {
  fill_cache();
  fs::resize_file(chunk_files().at(0), kMebibyte + 1);
  expect_miss("cache.corrupt");
}

TEST_F(CacheDisk, WithADeletedFileFetchesItAgain) {
  fill_cache();
  fs::remove(chunk_files().at(0));
  expect_miss("cache.corrupt");
  EXPECT_EQ(drive_.status("remote", "bytes_received"), kFileBytes);
}

}  // namespace
}  // namespace augurfs
