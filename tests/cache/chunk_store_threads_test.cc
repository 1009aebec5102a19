#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cache/chunk_store.h"
#include "support/chunk_store_fixture.h"
#include "support/hooked_disk.h"

namespace augurfs {
namespace {

class ChunkStoreThreads : public ChunkStoreFixture {
 protected:
  static constexpr std::uint32_t kLargeChunkBytes = 65'536;

  void SetUp() override {
    options_.chunk_size_bytes = kLargeChunkBytes;
    options_.background = true;
    options_.size_bytes_max = quota_for(0);  // some 70 chunks: less than what is written
    for (int i = 0; i < 10; ++i) {
      versions_.push_back({"key" + std::to_string(i), "1", std::uint64_t{1} + 150'000U * i});
    }
  }

  // What a reader does: reads, and on a miss brings the chunk.
  void use(ChunkStore& store, unsigned seed, int operations) {
    std::mt19937 random(seed);
    for (int i = 0; i < operations; ++i) {
      const Version& version = versions_[random() % versions_.size()];
      const auto chunk = static_cast<std::uint32_t>(
          random() % ((version.size + kLargeChunkBytes - 1) / kLargeChunkBytes));
      if (get(store, version, chunk)) {
        ++hits_;
      } else {
        put(store, version, chunk, random() % 2 == 0 ? Origin::kDemand : Origin::kPrefetch);
      }
    }
  }

  void use_from_many(ChunkStore& store, int operations) {
    std::vector<std::jthread> threads;
    for (unsigned seed = 0; seed < 6; ++seed) {
      threads.emplace_back([this, &store, seed, operations] { use(store, seed, operations); });
    }
  }

  std::vector<Version> versions_;
  std::atomic<int> hits_{0};
};

TEST_F(ChunkStoreThreads, FindRightBytesOrNothingWhileChunksComeAndGo) {
  for (int round = 0; round < 2; ++round) {
    auto store = open_store(options_);
    use_from_many(*store, 400);
    EXPECT_GT(store->stats().evicted_bytes, 0U);
    EXPECT_EQ(store->stats().corrupt_chunks, 0U);
    EXPECT_LE(store->stats().bytes_used, options_.size_bytes_max);
    EXPECT_LE(occupied_bytes(options_.directory), options_.size_bytes_max);
  }
  EXPECT_GT(hits_, 0);
}

TEST_F(ChunkStoreThreads, FindRightBytesOrNothingOnADiskThatErrs) {
  HookedDisk disk;
  options_.disk = &disk;
  std::atomic<unsigned> count{0};
  disk.before = [&](HookedDisk::Operation) -> std::optional<Error> {
    if (++count % 29 != 0) return std::nullopt;
    return Error{ErrorCode::kUnavailable, "the test's disk fails"};
  };
  auto store = open_store(options_);
  use_from_many(*store, 200);
  EXPECT_LE(occupied_bytes(options_.directory), options_.size_bytes_max);
}

TEST_F(ChunkStoreThreads, MayFlushAndAskForFiguresMeanwhile) {
  auto store = open_store(options_);
  std::jthread asker([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      EXPECT_TRUE(store->flush());
      EXPECT_LE(store->stats().bytes_used, options_.size_bytes_max);
      store->chunk_size(versions_[0]);
      store->contains(versions_[1], 0);
    }
  });
  use_from_many(*store, 100);
}

}  // namespace
}  // namespace augurfs
