// Small files that were fetched ahead lie in the kernel's page cache when a program reads them.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "fs/mounted_file_system.h"
#include "support/eventually.h"

namespace augurfs {
namespace {

constexpr std::uint64_t kIntoMemoryBytesMax = std::uint64_t{64} << 20U;

MountedFileSystemOptions fed(std::chrono::milliseconds name_ttl) {
  MountedFileSystemOptions options;
  options.name_ttl = name_ttl;
  options.into_memory_bytes_max = kIntoMemoryBytesMax;
  return options;
}

std::string content(const std::string& key, std::size_t size) {
  std::string bytes(size, '\0');
  auto state = static_cast<std::uint32_t>(std::hash<std::string>{}(key));
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24U);
  }
  return bytes;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

class MountedPageFeed : public testing::Test {
 protected:
  // From one byte to half a megabyte, with and without a page begun at their end.
  static std::size_t size_of(int file) {
    return static_cast<std::size_t>(1 + file * 1021 % 40'000);
  }
  static std::string name_of(int file) { return "d/" + std::to_string(file); }

  void put(int files) {
    for (int i = 0; i < files; ++i) {
      versions_.push_back(drive_->store.put(name_of(i), content(name_of(i), size_of(i))));
    }
  }
  // So that the kernel knows its files.
  void list() const {
    for (const auto& entry : std::filesystem::directory_iterator(drive_->path("d"))) {
      static_cast<void>(entry.file_size());
    }
  }
  void fetch_ahead() {
    for (const Version& version : versions_) {
      ASSERT_TRUE(eventually([&] {
        return drive_->reader().prefetch(version, {0, version.size});
      }));
    }
  }
  std::uint64_t reads() const {
    const CacheStats stats = drive_->cache_stats();
    return stats.hits + stats.ahead + stats.misses;
  }
  // Again and again, since others on the machine may make its kernel drop what it knows.
  bool stores(std::uint64_t files) {
    return eventually([&] {
      list();
      fetch_ahead();
      return drive_->page_feed_stats().stored >= files;
    });
  }

  std::unique_ptr<MountedFileSystem> drive_ =
      std::make_unique<MountedFileSystem>(fed(MountedFileSystemOptions::kForEver));
  std::vector<Version> versions_;
};

TEST_F(MountedPageFeed, AFileIsReadWithoutARequest) {
  constexpr int kFiles = 60;
  put(kFiles);
  versions_.push_back(drive_->store.put("d/large", content("d/large", 1 << 20)));
  ASSERT_TRUE(stores(kFiles + 1));
  for (int i = 0; i < kFiles; ++i) {
    ASSERT_EQ(bytes_of(drive_->path(name_of(i))), content(name_of(i), size_of(i))) << i;
  }
  EXPECT_TRUE(bytes_of(drive_->path("d/large")) == content("d/large", 1 << 20));
  // None, and all, unless somebody has had the pages dropped meanwhile.
  EXPECT_LT(reads(), kFiles / 2U);
  EXPECT_GT(drive_->stats().stored_opened, kFiles / 2U);
}

TEST_F(MountedPageFeed, AFileThatIsReplacedBetweenStoreAndOpenHasItsNewBytes) {
  drive_ = std::make_unique<MountedFileSystem>(fed(MountedFileSystemOptions::kNever));
  put(1);
  ASSERT_TRUE(stores(1));
  const std::string fresh = content("fresh", 5000);
  drive_->store.put(name_of(0), fresh);
  drive_->expire();
  EXPECT_EQ(bytes_of(drive_->path(name_of(0))), fresh);
}

TEST_F(MountedPageFeed, FilesThatAreReadWhileTheyAreStoredHaveTheirBytes) {
  constexpr int kFiles = 500;
  constexpr int kReaders = 4;
  put(kFiles);
  list();
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> readers;
  std::jthread fetching([&] { fetch_ahead(); });
  for (int reader = 0; reader < kReaders; ++reader) {
    readers.emplace_back([&, reader] {
      for (int i = 0; i < kFiles; ++i) {
        // In the order of storing and against it, so that they meet.
        const int file = reader % 2 == 0 ? i : kFiles - 1 - i;
        if (bytes_of(drive_->path(name_of(file))) != content(name_of(file), size_of(file))) ++wrong;
      }
    });
  }
  fetching.join();
  readers.clear();
  EXPECT_EQ(wrong, 0);
  for (int i = 0; i < kFiles; ++i) {
    ASSERT_EQ(bytes_of(drive_->path(name_of(i))), content(name_of(i), size_of(i))) << i;
  }
}

TEST_F(MountedPageFeed, AMountEndsWhileFilesAreStored) {
  constexpr int kFiles = 300;
  put(kFiles);
  ASSERT_TRUE(stores(1));
  std::jthread reader([path = drive_->path(), files = kFiles] {
    for (int i = files - 1; i >= 0; --i) bytes_of(path / name_of(i));
  });
  drive_.reset();
}

TEST_F(MountedPageFeed, WhatTheKernelDoesNotKnowItDoesNotTake) {
  const std::string bytes = "bytes";
  const auto stored = drive_->session().store(InodeNumber{12'345}, std::as_bytes(std::span(bytes)));
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace augurfs
