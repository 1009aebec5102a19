#include "remote/open_store.h"

#include <gtest/gtest.h>

#include <chrono>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

Result<std::unique_ptr<ObjectStore>> open(const std::string& url,
                                          const StoreOptions& options = {}) {
  const auto parsed = parse_store_url(url);
  if (!parsed) return parsed.error();
  return open_store(*parsed, options);
}

TEST(OpenStore, AFileUrlOpensItsDirectory) {
  const TemporaryDirectory directory;
  directory.write("file", "x");
  const auto store = open("file://" + directory.path().string());
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->head("file", {}));
  EXPECT_EQ((*store)->identity(), "file://" + directory.path().string());
}

TEST(OpenStore, HowSlowItIsDoesNotChangeWhoseObjectsTheyAre) {
  const TemporaryDirectory directory;
  const std::string url = "file://" + directory.path().string();
  EXPECT_EQ((*open(url + "?round_trip_ms=1&mbit=5"))->identity(), (*open(url + "/"))->identity());
}

TEST(OpenStore, ARoundTripTakesAtLeastItsTime) {
  const TemporaryDirectory directory;
  directory.write("file", "x");
  const auto store = open("file://" + directory.path().string() + "?round_trip_ms=20");
  ASSERT_TRUE(store);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE((*store)->head("file", {}));
  // A lower bound holds on the slowest machine.
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds{20});
}

TEST(OpenStore, ADirectoryThatIsNotThereIsAnErrorThatNamesIt) {
  const TemporaryDirectory directory;
  const auto missing = open("file://" + directory.path().string() + "/missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const std::string remedy = "; the bucket has to be a directory that is there and can be read";
  EXPECT_EQ(missing.error().message,
            "file://" + directory.path().string() + "/missing: No such file or directory" + remedy);
  const auto file = open("file://" + directory.write("file", "x").string());
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message,
            "file://" + directory.path().string() + "/file: Not a directory" + remedy);
}

TEST(OpenStore, AnS3UrlNamesABucketAndMakesNoRequest) {
  StoreOptions options;
  options.anonymous = true;
  options.endpoint = "http://127.0.0.1:1";
  const auto store = open("s3://my-bucket/prefix", options);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_NE((*store)->identity().find("my-bucket"), std::string::npos);
  EXPECT_EQ((*store)->stats().requests, 0U);
}

TEST(OpenStore, TwoEndpointsAreTwoStores) {
  StoreOptions one;
  one.anonymous = true;
  one.endpoint = "http://127.0.0.1:1";
  StoreOptions other = one;
  other.endpoint = "http://127.0.0.1:2";
  const auto first = open("s3://bucket", one);
  const auto second = open("s3://bucket", other);
  ASSERT_TRUE(first && second);
  EXPECT_NE((*first)->identity(), (*second)->identity());
}

}  // namespace
}  // namespace augurfs
