#include "fs/part_options.h"

#include <gtest/gtest.h>

#include "fs/option_table.h"
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

TEST(PartOptions, PrefetchingLeavesOneConnectionToReaders) {
  MountPlan plan = plan_with(milliseconds(1));
  plan.options.prefetch.transfers_max = 8;
  plan.options.remote.max_connections = 4;
  EXPECT_EQ(cache_options(plan).value().prefetch_transfers_max, 3);
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

}  // namespace
}  // namespace augurfs
