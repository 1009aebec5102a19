// What a walk costs on a real S3: requests, counted where they are sent.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/listing_file.h"
#include "cache/metadata_cache.h"
#include "remote/s3_store.h"
#include "remote/store_url.h"
#include "support/manual_clock.h"
#include "support/s3_bucket.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

bool find(MetadataCache& cache, const std::string& prefix, std::vector<std::string>& found) {
  const auto listing = cache.list(prefix, {});
  if (!listing) return false;
  for (const auto& object : (*listing)->objects) found.push_back(object.version.key);
  return std::all_of((*listing)->prefixes.begin(), (*listing)->prefixes.end(),
                     [&](const auto& below) { return find(cache, below, found); });
}

TEST(MetadataCacheS3, AWalkCostsPagesAndAfterARestartNothing) {
  S3Bucket bucket;
  std::vector<std::string> keys;
  for (int i = 0; i < 2500; ++i) {
    // Two levels, and names that order differently with their '/' than without.
    const std::string directory = i % 2 == 0 ? "a" : "a-" + std::to_string(i % 50);
    keys.push_back("tree/" + directory + "/" + std::to_string(i % 7) + "/" + std::to_string(i));
  }
  bucket.put(keys, "x");
  std::sort(keys.begin(), keys.end());
  S3Surroundings surroundings;
  surroundings.environment = [&](const std::string& name) { return bucket.environment(name); };
  auto store = S3Store::open(*parse_store_url(bucket.url()), bucket.options(), surroundings);
  ASSERT_TRUE(store) << store.error().message;

  const TemporaryDirectory directory;
  ManualClock clock;  // a slow machine does not make listings old
  MetadataOptions options;
  options.now = clock.function();
  std::uint64_t requests = 0;
  for (const bool restarted : {false, true}) {
    SCOPED_TRACE(restarted);
    ListingFileOptions listings;
    listings.file = directory.path() / kListingsFile;
    listings.now = clock.function();
    listings.wall_now = [] { return std::chrono::system_clock::time_point{}; };
    const auto file = ListingFile::open(listings);
    options.file = file.get();
    std::vector<std::string> found;
    {
      MetadataCache cache(options, **store);
      ASSERT_TRUE(find(cache, "tree/", found));
    }
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, keys);
    // 204 directories. Three pages, and directories that a page does not complete in time.
    EXPECT_LE((*store)->stats().requests - requests, restarted ? 0U : 16U);
    requests = (*store)->stats().requests;
  }
}

}  // namespace
}  // namespace augurfs
