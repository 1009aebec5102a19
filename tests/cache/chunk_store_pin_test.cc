// Files that are given to others to read from.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cache/chunk_store.h"
#include "support/chunk_store_fixture.h"
#include "support/forgetful_disk.h"
#include "support/manual_clock.h"

namespace augurfs {
namespace {

class ChunkStorePin : public ChunkStoreFixture {
 protected:
  using Operation = HookedDisk::Operation;
  static constexpr std::uint32_t kChunks = 5;

  ChunkStorePin() {
    options_.disk = &disk_;
    options_.now = clock_.function();
  }

  std::unique_ptr<ChunkStore> open() const { return open_store(options_); }

  void put_all(ChunkStore& store, const Version& version) const {
    for (std::uint32_t chunk = 0; chunk < kChunks; ++chunk) {
      ASSERT_TRUE(put(store, version, chunk));
    }
  }

  // What somebody reads who was given the file, through a descriptor of his own.
  static std::vector<std::byte> read_all(int descriptor, std::uint64_t size) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    EXPECT_EQ(real_disk().read(descriptor, 0, bytes).value(), bytes.size());
    return bytes;
  }
  void expect_right(int descriptor, const Version& version) const {
    EXPECT_TRUE(read_all(descriptor, version.size) == content(version, 0, version.size));
  }

  // Brings in so much else that everything that may be evicted is.
  static void fill(ChunkStore& store) {
    static std::uint64_t filler = 0;
    for (int i = 0; i < 3000; ++i) {
      put(store, {"filler" + std::to_string(++filler), "1", kChunkBytes}, 0);
    }
    EXPECT_GT(store.stats().evicted_bytes, 0U);
  }

  // A descriptor of the only file there is, as a reader has it whom nobody knows any more.
  UniqueFd stranger() const {
    const auto files = object_files(options_.directory);
    EXPECT_EQ(files.size(), 1U);
    return UniqueFd(::open(files.front().c_str(), O_RDONLY | O_CLOEXEC));
  }

  ForgetfulDisk disk_;
  ManualClock clock_;
  const Version version_{"a/key", "etag", std::uint64_t{kChunks - 1} * kChunkBytes + 100};
};

TEST_F(ChunkStorePin, AWholeVersionIsAFile) {
  auto store = open();
  put_all(*store, version_);
  const auto file = store->pin(version_);
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->size_bytes(), version_.size);
  expect_right(file->descriptor(), version_);
}

TEST_F(ChunkStorePin, AVersionOfWhichAChunkIsMissingIsNone) {
  auto store = open();
  for (std::uint32_t chunk = 0; chunk + 1 < kChunks; ++chunk) put(*store, version_, chunk);
  EXPECT_EQ(store->pin(version_), nullptr);
  EXPECT_EQ(store->pin({"unknown", "1", 10}), nullptr);
  EXPECT_EQ(store->pin({"empty", "1", 0}), nullptr);
}

TEST_F(ChunkStorePin, AVersionThatLosesAChunkWhileItIsGivenIsNone) {
  auto store = open();
  put_all(*store, version_);
  ASSERT_NE(store->pin(version_), nullptr);
  bool begun = false;
  bool reads_fail = false;
  disk_.before = [&](Operation operation) -> std::optional<Error> {
    if (operation == Operation::kOpen && !std::exchange(begun, true)) {
      // Its file is about to be opened for the one who asks; another reader comes.
      reads_fail = true;
      EXPECT_FALSE(get(*store, version_, 2));
      reads_fail = false;
    }
    if (operation != Operation::kRead || !reads_fail) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "the test's disk fails"};
  };
  EXPECT_EQ(store->pin(version_), nullptr);
  EXPECT_TRUE(begun);
  EXPECT_FALSE(get(*store, version_, 2));
}

TEST_F(ChunkStorePin, ChunksOfAnEarlierRunAreCheckedFirst) {
  put_all(*open(), version_);
  EXPECT_NE(open()->pin(version_), nullptr);
  {
    const auto file = object_files(options_.directory).at(0);
    const auto fd = real_disk().open(file, O_RDWR).value();
    ASSERT_TRUE(real_disk().write(fd.get(), kChunkBytes + 7, std::vector<std::byte>(1)));
  }
  auto store = open();
  EXPECT_EQ(store->pin(version_), nullptr);
  EXPECT_EQ(store->stats().corrupt_chunks, 1U);
  EXPECT_FALSE(store->contains(version_, 1));
  ASSERT_TRUE(put(*store, version_, 1));
  EXPECT_NE(store->pin(version_), nullptr);
}

TEST_F(ChunkStorePin, WhatIsNotOnTheDiskYetIsNone) {
  options_.chunk_size_bytes = 64U << 10U;
  const Version version{"large", "1", 2 * std::uint64_t{options_.chunk_size_bytes}};
  auto store = open();
  ASSERT_TRUE(put(*store, version, 0));
  ASSERT_TRUE(put(*store, version, 1));
  EXPECT_EQ(store->pin(version), nullptr);
  ASSERT_TRUE(store->flush());  // having been asked for it, it does not wait for the file to settle
  EXPECT_EQ(disk_.syncs(), 1);
  EXPECT_NE(store->pin(version), nullptr);
  EXPECT_NE(store->pin(version), nullptr);
}

TEST_F(ChunkStorePin, BytesThatTheKernelHasLostAreNeverGiven) {
  auto store = open();
  put_all(*store, version_);
  disk_.lose();
  EXPECT_EQ(store->pin(version_), nullptr);
}

TEST_F(ChunkStorePin, APinnedFileStaysWhateverElseComes) {
  options_.size_bytes_max = quota_for(0);
  auto store = open();
  put_all(*store, version_);
  const auto file = store->pin(version_);
  ASSERT_NE(file, nullptr);
  fill(*store);
  for (std::uint32_t chunk = 0; chunk < kChunks; ++chunk) EXPECT_TRUE(get(*store, version_, chunk));
  expect_right(file->descriptor(), version_);
  EXPECT_LE(occupied_bytes(options_.directory), options_.size_bytes_max);
}

TEST_F(ChunkStorePin, WhatWasPinnedIsEvictedOnceNobodyHasItOpen) {
  options_.size_bytes_max = quota_for(0);
  auto store = open();
  put_all(*store, version_);
  store->pin(version_).reset();
  fill(*store);
  EXPECT_FALSE(store->contains(version_, 0));
}

// Who has mapped a file and closed it is seen by nobody but the kernel.
TEST_F(ChunkStorePin, AFileThatSomebodyHasMappedKeepsItsBytesAndIsCharged) {
  options_.size_bytes_max = quota_for(0);
  auto store = open();
  put_all(*store, version_);
  auto file = store->pin(version_);
  ASSERT_NE(file, nullptr);
  const auto size = static_cast<std::size_t>(version_.size);
  void* const map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file->descriptor(), 0);
  ASSERT_NE(map, MAP_FAILED);
  file.reset();
  fill(*store);
  const std::vector<std::byte> right = content(version_, 0, size);
  const auto* const mapped = static_cast<const std::byte*>(map);
  EXPECT_TRUE(std::equal(right.begin(), right.end(), mapped));
  EXPECT_LE(occupied_bytes(options_.directory), options_.size_bytes_max);
  const std::uint64_t full = store->stats().bytes_used;
  ASSERT_EQ(::munmap(map, size), 0);
  ASSERT_TRUE(store->flush());
  EXPECT_LT(store->stats().bytes_used, full) << "the holes that waited are dug";
}

TEST_F(ChunkStorePin, HalfOfTheCacheIsPinnedAtMost) {
  options_.size_bytes_max = quota_for(0);
  auto store = open();
  std::vector<std::unique_ptr<PinnedFile>> files;
  std::uint64_t bytes = 0;
  for (int i = 0;; ++i) {
    const Version version{"file" + std::to_string(i), "1", version_.size};
    put_all(*store, version);
    files.push_back(store->pin(version));
    if (files.back() == nullptr) break;
    bytes += version.size;
    ASSERT_LE(bytes, options_.size_bytes_max / 2);
  }
  EXPECT_GT(bytes, options_.size_bytes_max / 10);
  files.clear();
  put_all(*store, version_);
  EXPECT_NE(store->pin(version_), nullptr);
}

TEST_F(ChunkStorePin, AFileThatAnEarlierRunGaveAwayKeepsItsBytes) {
  options_.size_bytes_max = quota_for(0);
  put_all(*open(), version_);
  UniqueFd reader;
  {
    auto store = open();
    ASSERT_NE(store->pin(version_), nullptr);
    reader = stranger();
  }
  auto store = open();
  fill(*store);
  expect_right(reader.get(), version_);
  EXPECT_LE(occupied_bytes(options_.directory), options_.size_bytes_max);
  const std::uint64_t full = store->stats().bytes_used;
  reader = {};
  ASSERT_TRUE(store->flush());
  EXPECT_LT(store->stats().bytes_used, full);
}

// As after a kill, when the index is lost as well.
TEST_F(ChunkStorePin, AFileThatTheIndexHasForgottenKeepsItsBytesWhileItIsOpen) {
  put_all(*open(), version_);
  UniqueFd reader = stranger();
  std::filesystem::remove(options_.directory / "index.db");
  auto store = open();
  expect_right(reader.get(), version_);
  const std::uint64_t full = store->stats().bytes_used;
  reader = {};
  ASSERT_TRUE(store->flush());
  EXPECT_TRUE(object_files(options_.directory).empty());
  EXPECT_LT(store->stats().bytes_used, full);
}

TEST_F(ChunkStorePin, AloneIsWhoeverNobodyElseHasTheFileOpenBeside) {
  const std::string path = temporary_.write("file", "bytes");
  const auto mine = real_disk().open(path, O_RDWR).value();
  EXPECT_TRUE(real_disk().is_alone(mine.get()).value());
  for (const int flags : {O_RDONLY, O_RDWR}) {
    const auto other = real_disk().open(path, flags).value();
    EXPECT_FALSE(real_disk().is_alone(mine.get()).value());
  }
  EXPECT_TRUE(real_disk().is_alone(mine.get()).value());
}

}  // namespace
}  // namespace augurfs
