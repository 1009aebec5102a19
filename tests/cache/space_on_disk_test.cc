#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>
#include <string>

#include "cache/chunk_store.h"
#include "support/chunk_store_fixture.h"
#include "support/hooked_disk.h"

namespace augurfs {
namespace {

class SpaceOnDisk : public ChunkStoreFixture {
 protected:
  SpaceOnDisk() : ChunkStoreFixture(TemporaryDirectory::Place::kDisk) {}

  void write_back() const {
    for (const auto& file : object_files(options_.directory)) {
      const auto fd = real_disk().open(file, O_RDONLY);
      ASSERT_TRUE(fd);
      ASSERT_EQ(::fdatasync(fd->get()), 0);
    }
  }
};

// The worst for the file system's bookkeeping: every other small chunk of large files, so that
// each is an extent of its own, until the quota is full many times over.
TEST_F(SpaceOnDisk, NeverExceedsTheQuotaWithScatteredChunks) {
  options_.size_bytes_max = quota_for(0);
  HookedDisk disk;
  options_.disk = &disk;
  int writes = 0;
  std::uint64_t most = 0;
  disk.after = [&](HookedDisk::Operation operation) {
    if (operation != HookedDisk::Operation::kWrite || ++writes % 50 != 0) return;
    // What is written is given its place, extents included, only when it goes to the disk.
    if (writes % 500 == 0) write_back();
    most = std::max(most, occupied_bytes(options_.directory));
    EXPECT_LE(most, options_.size_bytes_max);
  };
  auto store = open_store(options_);
  std::mt19937 random(1);
  for (int i = 0; i < 2500; ++i) {
    const Version version{"file" + std::to_string(random() % 3), "1", 64U << 20U};
    EXPECT_TRUE(put(*store, version, static_cast<std::uint32_t>(random() % 8192) * 2));
    if (i % 250 == 0) {
      ASSERT_TRUE(store->flush());
    }
  }
  EXPECT_GT(store->stats().evicted_bytes, 0U);
  EXPECT_GT(most, options_.size_bytes_max / 2) << "and uses what it may";
}

TEST_F(SpaceOnDisk, NeverExceedsTheQuotaWithManySmallFiles) {
  options_.size_bytes_max = quota_for(0);
  HookedDisk disk;
  options_.disk = &disk;
  int writes = 0;
  disk.after = [&](HookedDisk::Operation operation) {
    if (operation != HookedDisk::Operation::kWrite || ++writes % 100 != 0) return;
    EXPECT_LE(occupied_bytes(options_.directory), options_.size_bytes_max);
  };
  auto store = open_store(options_);
  for (int i = 0; i < 2500; ++i) {
    EXPECT_TRUE(put(*store, {"file" + std::to_string(i), "1", 100}, 0));
    if (i % 250 == 0) {
      ASSERT_TRUE(store->flush());
    }
  }
  EXPECT_GT(store->stats().evicted_bytes, 0U);
}

}  // namespace
}  // namespace augurfs
