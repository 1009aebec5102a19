#include "remote/s3_address.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

std::string url(const std::string& bucket, const StoreOptions& options,
                const std::string& key = "a/b", const S3Query& query = {}) {
  const auto address = S3Address::open(bucket, options);
  EXPECT_TRUE(address) << (address ? "" : address.error().message);
  return address ? address->url("eu-west-1", key, query) : "";
}

StoreOptions at(const std::string& endpoint, std::optional<bool> path_style = std::nullopt) {
  StoreOptions options;
  options.endpoint = endpoint;
  options.path_style = path_style;
  return options;
}

TEST(S3Address, ReachesAwsByVirtualHostInTheRegion) {
  EXPECT_EQ(url("bucket", {}), "https://bucket.s3.eu-west-1.amazonaws.com/a/b");
  const auto address = S3Address::open("bucket", {});
  EXPECT_EQ(address->url("cn-north-1", "", {}), "https://bucket.s3.cn-north-1.amazonaws.com.cn/");
}

TEST(S3Address, UsesThePathForBucketsThatNoCertificateCovers) {
  for (const char* bucket : {"my.bucket", "My_Bucket"}) {
    EXPECT_EQ(url(bucket, {}),
              "https://s3.eu-west-1.amazonaws.com/" + std::string(bucket) + "/a/b");
  }
}

TEST(S3Address, ReachesAnEndpointByPathUnlessToldOtherwise) {
  EXPECT_EQ(url("bucket", at("http://host:7480")), "http://host:7480/bucket/a/b");
  EXPECT_EQ(url("bucket", at("https://host/")), "https://host/bucket/a/b");
  EXPECT_EQ(url("bucket", at("http://[::1]:7480")), "http://[::1]:7480/bucket/a/b");
  EXPECT_EQ(url("bucket", at("http://host:7480", false)), "http://bucket.host:7480/a/b");
  EXPECT_EQ(url("bucket", at("", true)), "https://s3.eu-west-1.amazonaws.com/bucket/a/b");
}

TEST(S3Address, LeavesOutThePortThatTheSchemeImplies) {
  EXPECT_EQ(url("bucket", at("http://host:80")), "http://host/bucket/a/b");
  EXPECT_EQ(url("bucket", at("https://host:443")), "https://host/bucket/a/b");
  EXPECT_EQ(url("bucket", at("http://host:443")), "http://host:443/bucket/a/b");
}

TEST(S3Address, EncodesKeysAndQueries) {
  EXPECT_EQ(url("bucket", at("http://host"), "a b+c//%/../\xC3\xA9?"),
            "http://host/bucket/a%20b%2Bc//%25/../%C3%A9%3F");
  EXPECT_EQ(url("bucket", at("http://host"), "", {{"prefix", "a/ b&"}, {"list-type", "2"}}),
            "http://host/bucket?prefix=a%2F%20b%26&list-type=2");
  EXPECT_EQ(url("bucket", at("http://host", false), "", {{"list-type", "2"}}),
            "http://bucket.host/?list-type=2");
}

TEST(S3Address, IsTheSameBucketInEveryRegionAndStyle) {
  EXPECT_EQ(S3Address::open("bucket", {})->identity(), "s3+https://s3.amazonaws.com/bucket");
  EXPECT_EQ(S3Address::open("bucket", at("http://host:7480"))->identity(),
            S3Address::open("bucket", at("http://host:7480/", false))->identity());
}

TEST(S3Address, RefusesWhatIsNotAnEndpointAndShowsHowOneIsWritten) {
  for (const char* bad :
       {"host:7480", "ftp://host", "http://", "http://host:", "http://host:0", "http://host:70000",
        "http://host:x", "http://host/path", "http://ho st", "https://host?x=1", "//host"}) {
    const auto address = S3Address::open("bucket", at(bad));
    ASSERT_FALSE(address) << bad;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(address.error().message, "remote.endpoint: '" + std::string(bad) +
                                           "' is not an endpoint; write http://host:port or "
                                           "https://host");
  }
}

TEST(S3Address, DoesNotRepeatAPassword) {
  const auto address = S3Address::open("bucket", at("https://me:hunter2@host"));
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().message.find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace augurfs
