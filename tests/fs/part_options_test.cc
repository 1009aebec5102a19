#include "fs/part_options.h"

#include <gtest/gtest.h>

#include "fs/option_table.h"
#include "predictor/brain/brain_process.h"
#include "remote/store_url.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;

MountPlan plan_with(milliseconds ttl) {
  MountPlan plan;
  plan.url = parse_store_url("file:///srv").value();
  plan.mount_point = "/mnt";
  plan.cache_directory = "/tmp";
  plan.options = default_options();
  plan.options.metadata.ttl = ttl;
  return plan;
}

TEST(PartOptions, CacheAndKernelTogetherBelieveTheStoreForOneTtl) {
  for (const int ttl_ms : {60'000, 4'000, 301, 1, 0}) {
    const MountPlan plan = plan_with(milliseconds(ttl_ms));
    const milliseconds cache = cache_options(plan).value().metadata_ttl;
    const milliseconds kernel = session_options(plan).name_ttl;
    EXPECT_EQ(cache + kernel, milliseconds(ttl_ms));
    EXPECT_LE(kernel - cache, milliseconds(1)) << ttl_ms;
    EXPECT_GE(kernel, cache) << ttl_ms;
  }
}

TEST(PartOptions, WhatIsSetReachesTheCache) {
  MountPlan plan = plan_with(milliseconds(1));
  plan.cache_directory = "/tmp/of-its-own";
  plan.options.cache.size = {.bytes = 123 << 20, .share = 0};
  plan.options.history.size = 0;  // these would have a part of that
  plan.options.metadata.size = 0;
  plan.options.cache.free_space = {.bytes = 45 << 20, .share = 0};
  plan.options.cache.chunk_size = 64 << 10;
  plan.options.remote.max_connections = 7;
  plan.options.prefetch.transfers_max = 3;
  plan.options.remote.deadline = std::chrono::seconds(9);
  plan.options.metadata.entries_max = 4321;
  plan.options.metadata.list_subtrees = false;
  plan.options.metadata.stale_while_revalidate = milliseconds(7);
  plan.options.metadata.stale_if_error = milliseconds(8);
  const CacheOptions options = cache_options(plan).value();
  EXPECT_EQ(options.directory, "/tmp/of-its-own");
  EXPECT_EQ(options.size_bytes_max, 123U << 20);
  EXPECT_EQ(options.free_space_bytes_min, 45U << 20);
  EXPECT_EQ(options.chunk_size_bytes, 64U << 10);
  EXPECT_EQ(options.transfers_max, 7);
  EXPECT_EQ(options.prefetch_transfers_max, 3);
  EXPECT_EQ(options.read_patience, std::chrono::seconds(10));
  EXPECT_EQ(options.metadata_entries_max, 4321U);
  EXPECT_FALSE(options.list_subtrees);
  EXPECT_EQ(options.listings_bytes_max, 0U);
  EXPECT_EQ(options.stale_while_revalidate, milliseconds(7));
  EXPECT_EQ(options.stale_if_error, milliseconds(8));
}

TEST(PartOptions, WhatIsSetReachesTheSession) {
  MountPlan plan = plan_with(milliseconds(1));
  plan.options.mount.allow_other = true;
  plan.options.mount.uid = 11;
  plan.options.mount.gid = 22;
  plan.options.mount.file_mode = 0400;
  plan.options.mount.directory_mode = 0500;
  plan.options.mount.threads = 33;
  const FuseSessionOptions options = session_options(plan);
  EXPECT_EQ(options.source, "file:///srv");
  EXPECT_EQ(options.directory, "/mnt");
  EXPECT_TRUE(options.allow_other);
  EXPECT_EQ(options.uid, 11U);
  EXPECT_EQ(options.gid, 22U);
  EXPECT_EQ(options.file_mode, 0400U);
  EXPECT_EQ(options.directory_mode, 0500U);
  EXPECT_EQ(options.threads, 33);
}

TEST(PartOptions, PrefetchingLeavesOneConnectionToReaders) {
  MountPlan plan = plan_with(milliseconds(1));
  plan.options.prefetch.transfers_max = 8;
  plan.options.remote.max_connections = 4;
  EXPECT_EQ(cache_options(plan).value().prefetch_transfers_max, 3);
}

TEST(PartOptions, ListingsAreAPartOfTheCache) {
  MountPlan plan = plan_with(milliseconds(1));
  plan.options.history.size = 0;
  for (const auto& [size, share] :
       {std::pair{4ULL << 30, 256ULL << 20}, std::pair{64ULL << 20, 8ULL << 20},
        std::pair{16ULL << 20, 0ULL}}) {
    plan.options.cache.size = {.bytes = size, .share = 0};
    const CacheOptions options = cache_options(plan).value();
    EXPECT_EQ(options.listings_bytes_max, share);
    EXPECT_EQ(options.size_bytes_max, size - share);
  }
}

TEST(PartOptions, TheHistoryIsAPartOfTheCache) {
  MountPlan plan = plan_with(milliseconds(1));
  plan.options.metadata.size = 0;
  for (const auto& [size, share] :
       {std::pair{1ULL << 30, 64ULL << 20}, std::pair{64ULL << 20, 8ULL << 20},
        std::pair{16ULL << 20, 0ULL}}) {
    plan.options.cache.size = {.bytes = size, .share = 0};
    const auto history = history_options(plan);
    EXPECT_EQ(history ? history->bytes_max + 2 * history->profile_bytes_max : 0, share);
    if (history) {
      EXPECT_GE(history->profile_bytes_max, 512U << 10U) << "while one replaces another";
    }
    EXPECT_EQ(cache_options(plan).value().size_bytes_max, size - share);
  }
  plan.options.cache.size = {.bytes = 1ULL << 30, .share = 0};
  plan.options.history.enabled = false;
  EXPECT_FALSE(history_options(plan));
}

TEST(PartOptions, ANeuralModelIsKeptWhereAHistoryIsAndIsAPartOfTheCache) {
  MountPlan plan = plan_with(milliseconds(1));
  plan.options.metadata.size = 0;
  const auto told = [&] { return brain_options(plan, 1).command; };
  plan.options.cache.size = {.bytes = 1ULL << 30, .share = 0};
  EXPECT_EQ(told().size(), 4U) << "none is wanted";
  const std::uint64_t without = cache_options(plan).value().size_bytes_max;
  plan.options.prefetch.neural = true;
  EXPECT_EQ(told().at(4), (plan.cache_directory / kModelFile).string());
  EXPECT_EQ(cache_options(plan).value().size_bytes_max, without - Checkpoint::kFileBytes);
  plan.options.cache.size = {.bytes = 64ULL << 20, .share = 0};
  EXPECT_EQ(told().at(4), kModelNotKept) << "too small a cache";
  EXPECT_EQ(cache_options(plan).value().size_bytes_max, 56ULL << 20);
  plan.options.cache.size = {.bytes = 1ULL << 30, .share = 0};
  plan.options.history.enabled = false;
  EXPECT_EQ(told().at(4), kModelNotKept);
}

TEST(PartOptions, AShareOfTheDiskThatIsTooSmallIsToldWithTheDisk) {
  MountPlan plan = plan_with(milliseconds(1));
  plan.options.cache.size = {.bytes = 0, .share = 1e-9};
  const auto options = cache_options(plan);
  ASSERT_FALSE(options);
  for (const char* word : {"cache.size is 1e-07 % of the disk of /tmp", "needs 16.0 MiB"}) {
    EXPECT_NE(options.error().message.find(word), std::string::npos) << options.error().message;
  }
}

TEST(PartOptions, AShareOfNoDiskAtAllIsADirectoryThatCannotBeMade) {
  MountPlan plan = plan_with(milliseconds(1));
  plan.cache_directory = "/proc/cache";
  plan.options.cache.size = {.bytes = 0, .share = 0.1};
  const auto options = cache_options(plan);
  ASSERT_FALSE(options);
  for (const char* word : {"create cache directory", "/proc/cache", "choose a cache.dir"}) {
    EXPECT_NE(options.error().message.find(word), std::string::npos) << options.error().message;
  }
}

}  // namespace
}  // namespace augurfs
