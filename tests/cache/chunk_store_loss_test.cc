// Bytes that the kernel took and could not bring to the disk.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache/chunk_files.h"
#include "cache/chunk_store.h"
#include "support/chunk_store_fixture.h"
#include "support/forgetful_disk.h"
#include "support/manual_clock.h"

namespace augurfs {
namespace {

using Operation = HookedDisk::Operation;

class ChunkStoreLoss : public ChunkStoreFixture {
 protected:
  static constexpr std::uint32_t kLargeChunkBytes = 65'536;

  ChunkStoreLoss() {
    options_.disk = &disk_;
    options_.now = clock_.function();
    options_.chunk_size_bytes = kLargeChunkBytes;
  }

  std::unique_ptr<ChunkStore> open() const { return open_store(options_); }

  // What the store's thread does when nothing was written for long enough.
  void settle(ChunkStore& store) {
    clock_.advance(ChunkFiles::kSettle);
    EXPECT_TRUE(store.flush());
  }

  // Until the next write every file is synced, however many there are.
  void settle_all(ChunkStore& store) {
    for (int before = -1; before != disk_.syncs();) {
      before = disk_.syncs();
      settle(store);
    }
  }

  ForgetfulDisk disk_;
  ManualClock clock_;
  const Version version_{"a/key", "etag", std::uint64_t{3} * kLargeChunkBytes};
};

TEST_F(ChunkStoreLoss, LostBytesAreNeverRead) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  ASSERT_TRUE(put(*store, version_, 1));
  ASSERT_TRUE(get(*store, version_, 0));
  disk_.lose();
  std::vector<std::byte> out(8);
  EXPECT_FALSE(store->read(version_, 0, 100, out));
  EXPECT_FALSE(store->contains(version_, 1)) << "the other chunk of the file is as doubtful";
  EXPECT_EQ(store->stats().corrupt_chunks, 2U);
  EXPECT_TRUE(object_files(options_.directory).empty());
  EXPECT_TRUE(put(*store, version_, 0));
  EXPECT_TRUE(get(*store, version_, 0));
}

TEST_F(ChunkStoreLoss, TheSpaceOfALostFileIsGivenBack) {
  auto store = open();
  const auto empty = store->stats().bytes_used;
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(put(*store, version_, 0));
    disk_.lose();
    EXPECT_FALSE(get(*store, version_, 0));
  }
  EXPECT_LT(store->stats().bytes_used, empty + kLargeChunkBytes);
}

TEST_F(ChunkStoreLoss, WhatHasSettledIsSyncedAndThenTrusted) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(disk_.syncs(), 0) << "nobody waits for the disk that early";
  settle(*store);
  EXPECT_EQ(disk_.syncs(), 1);
  settle(*store);
  EXPECT_EQ(disk_.syncs(), 1) << "once is enough";
  disk_.lose();
  EXPECT_TRUE(get(*store, version_, 0));
  EXPECT_EQ(store->stats().corrupt_chunks, 0U);
}

TEST_F(ChunkStoreLoss, AWatchedChunkIsReadInPartsWithoutTheRest) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  // The rest is damaged by somebody else, whom nobody tells of; only verifying would notice.
  const auto file = object_files(options_.directory).at(0);
  const auto fd = real_disk().open(file, O_RDWR).value();
  ASSERT_TRUE(real_disk().punch(fd.get(), {8192, 8192}));
  std::vector<std::byte> out(8);
  EXPECT_TRUE(store->read(version_, 0, 100, out));
  settle(*store);
  EXPECT_TRUE(store->read(version_, 0, 100, out));
}

TEST_F(ChunkStoreLoss, ALossThatSyncFindsMakesTheFilesChunksAbsent) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  ASSERT_TRUE(put(*store, version_, 1));
  disk_.lose();
  settle(*store);
  EXPECT_FALSE(store->contains(version_, 0));
  EXPECT_FALSE(store->contains(version_, 1));
  EXPECT_EQ(store->stats().corrupt_chunks, 2U);
  EXPECT_TRUE(put(*store, version_, 0));
  EXPECT_TRUE(get(*store, version_, 0));
}

TEST_F(ChunkStoreLoss, ASyncThatFailsMakesTheFilesChunksAbsent) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  disk_.fail(Operation::kSync);
  settle(*store);
  disk_.before = nullptr;
  EXPECT_FALSE(store->contains(version_, 0));
  EXPECT_TRUE(put(*store, version_, 0));
  EXPECT_TRUE(get(*store, version_, 0));
}

TEST_F(ChunkStoreLoss, AChunkOfAnEarlierRunMayStillBeLost) {
  { ASSERT_TRUE(put(*open(), version_, 0)); }
  auto store = open();
  ASSERT_TRUE(get(*store, version_, 0)) << "verified, but perhaps from the kernel's memory";
  disk_.lose();
  EXPECT_FALSE(get(*store, version_, 0));
}

TEST_F(ChunkStoreLoss, AChunkWrittenDuringASyncIsNotTakenForSynced) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  bool written = false;
  disk_.before = [&](Operation operation) -> std::optional<Error> {
    if (operation == Operation::kSync && !std::exchange(written, true)) {
      EXPECT_TRUE(put(*store, version_, 1));
    }
    return std::nullopt;
  };
  settle(*store);
  ASSERT_TRUE(written);
  disk_.lose();
  EXPECT_FALSE(get(*store, version_, 1));
}

TEST_F(ChunkStoreLoss, AChunkWrittenWhenItsFileHasJustBeenSyncedIsVerifiedFirst) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  bool synced = false;
  disk_.before = [&](Operation operation) -> std::optional<Error> {
    if (operation == Operation::kWrite && !std::exchange(synced, true)) settle(*store);
    return std::nullopt;
  };
  ASSERT_TRUE(put(*store, version_, 1));
  EXPECT_EQ(disk_.syncs(), 1);
  disk_.lose();
  disk_.forget_errors();
  EXPECT_FALSE(get(*store, version_, 1));
}

TEST_F(ChunkStoreLoss, ChunksOfFilesTooManyToWatchAreVerifiedByEachRead) {
  options_.size_bytes_max = 64U << 20U;
  auto store = open();
  constexpr std::size_t kFiles = 2 * ChunkFiles::kWatchedFilesMax + 10;
  const auto version = [](std::size_t i) {
    return Version{"file" + std::to_string(i), "1", kLargeChunkBytes};
  };
  for (std::size_t i = 0; i < kFiles; ++i) ASSERT_TRUE(put(*store, version(i), 0));
  EXPECT_EQ(store->stats().chunks, kFiles);
  disk_.lose();
  disk_.forget_errors();
  for (std::size_t i = 0; i < kFiles; ++i) EXPECT_FALSE(get(*store, version(i), 0));
}

TEST_F(ChunkStoreLoss, FilesTooManyToWatchAreSyncedOneAfterAnother) {
  auto store = open();
  for (std::size_t i = 0; i < ChunkFiles::kWatchedFilesMax; ++i) {
    ASSERT_TRUE(put(*store, {"file" + std::to_string(i), "1", kLargeChunkBytes}, 0));
  }
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(disk_.syncs(), 1) << "makes room for the next, and waits for no more";
  settle_all(*store);
  EXPECT_EQ(disk_.syncs(), static_cast<int>(ChunkFiles::kWatchedFilesMax));
}

TEST_F(ChunkStoreLoss, SmallChunksAreVerifiedByEachReadAndNotSynced) {
  auto store = open();
  const Version small{"small", "1", 10'000};
  ASSERT_TRUE(put(*store, small, 0));
  settle(*store);
  EXPECT_EQ(disk_.syncs(), 0);
  disk_.lose();
  disk_.forget_errors();
  EXPECT_FALSE(get(*store, small, 0));
}

TEST_F(ChunkStoreLoss, ARemovedFileIsNoLongerHeldOpen) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  disk_.lose();
  ASSERT_FALSE(get(*store, version_, 0));
  settle(*store);
  EXPECT_EQ(disk_.syncs(), 0);
}

TEST_F(ChunkStoreLoss, AllReadersHearOfALossThatIsToldOnce) {
  options_.background = true;
  auto store = open();
  std::vector<std::jthread> readers;
  std::jthread loser([this](std::stop_token stop) {
    while (!stop.stop_requested()) disk_.lose();
  });
  for (std::uint32_t reader = 0; reader < 4; ++reader) {
    readers.emplace_back([&, reader] {
      for (std::uint32_t i = 0; i < 300; ++i) {
        const std::uint32_t chunk = (i + reader) % 3;
        if (!get(*store, version_, chunk)) put(*store, version_, chunk);
      }
    });
  }
}

}  // namespace
}  // namespace augurfs
