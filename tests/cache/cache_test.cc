#include "cache/cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "support/eventually.h"
#include "support/fetch_gate.h"
#include "support/hooked_disk.h"
#include "support/memory_store.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

constexpr std::uint32_t kChunk = 4096;

class CacheTest : public testing::Test {
 protected:
  CacheOptions options() const {
    CacheOptions options;
    options.directory = directory_.path() / "cache";
    options.size_bytes_max = 64 << 20;
    options.chunk_size_bytes = kChunk;
    return options;
  }

  std::unique_ptr<Cache> open() {
    auto cache = Cache::open(options(), gate_);
    EXPECT_TRUE(cache) << cache.error().message;
    return cache ? std::move(*cache) : nullptr;
  }

  std::string read(Cache& cache, const Version& version) {
    std::string out(version.size, '?');
    const auto outcome =
        cache.reader().read(version, 0, std::as_writable_bytes(std::span(out)), {});
    return outcome ? out : to_string(outcome.error().code);
  }

  TemporaryDirectory directory_;
  MemoryStore store_;
  FetchGate gate_{store_};
};

TEST_F(CacheTest, WhatWasReadIsReadFromTheDiskAfterAReopen) {
  const std::string content(3 * kChunk + 5, 'a');
  const Version version = store_.put("a", content);
  {
    const auto cache = open();
    EXPECT_EQ(read(*cache, version), content);
    // A reader has its bytes before they are kept.
    EXPECT_TRUE(eventually([&] { return cache->reader().cached(version, {0, version.size}); }));
  }
  const std::uint64_t requests = gate_.counts(FetchGate::kGet).calls;
  const auto cache = open();
  EXPECT_EQ(read(*cache, version), content);
  EXPECT_EQ(gate_.counts(FetchGate::kGet).calls, requests);
  const CacheStats stats = cache->stats();
  EXPECT_EQ(stats.hits, 4);
  EXPECT_EQ(stats.hit_bytes, content.size());
  EXPECT_EQ(stats.misses, 0);
  EXPECT_EQ(stats.chunks, 4);
  EXPECT_EQ(stats.bytes_max, options().size_bytes_max);
  EXPECT_GT(stats.bytes_used, content.size());
  EXPECT_TRUE(stats.disk_healthy);
}

TEST_F(CacheTest, MetadataAndBytesComeFromOneStore) {
  store_.put("d/a", "xyz");
  const auto cache = open();
  const auto child = cache->metadata().lookup("d/", "a", {});
  ASSERT_TRUE(child);
  EXPECT_EQ(read(*cache, child->object->version), "xyz");
  EXPECT_TRUE(cache->flush());
}

TEST_F(CacheTest, ASecondCacheInTheSameDirectoryIsRefused) {
  const auto cache = open();
  const auto second = Cache::open(options(), store_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
}

TEST_F(CacheTest, NoTransfersAreNoCache) {
  CacheOptions none = options();
  none.transfers_max = 0;
  const auto refused = Cache::open(none, store_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
}

TEST_F(CacheTest, ItsRoomIsTheQuotaOrWhatTheDiskHasToGiveRightNow) {
  HookedDisk disk;
  std::atomic<std::uint64_t> free = 1ULL << 40;
  disk.free = [&free] { return free.load(); };
  CacheOptions small_disk = options();
  small_disk.disk = &disk;
  small_disk.free_space_bytes_min = 5 << 20;
  const auto cache = Cache::open(small_disk, gate_);
  ASSERT_TRUE(cache);
  EXPECT_EQ((*cache)->room_bytes(), small_disk.size_bytes_max);
  free = 25 << 20;  // others have taken the rest
  EXPECT_GE((*cache)->room_bytes(), 20 << 20);
  EXPECT_LE((*cache)->room_bytes(), 22 << 20) << "with what the index takes";
  free = 0;
  EXPECT_LE((*cache)->room_bytes(), 2 << 20);
  free = 1ULL << 40;
  EXPECT_EQ((*cache)->room_bytes(), small_disk.size_bytes_max);
}

TEST_F(CacheTest, ClosingDoesNotWaitForTheStore) {
  const Version version = store_.put("a", std::string(kChunk, 'a'));
  auto cache = open();
  gate_.hold_gets_at(0);
  EXPECT_TRUE(cache->reader().prefetch(version, {0, kChunk}));
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kGet));
  cache.reset();
  EXPECT_EQ(gate_.counts(FetchGate::kGet).ended, 1);
}

}  // namespace
}  // namespace augurfs
