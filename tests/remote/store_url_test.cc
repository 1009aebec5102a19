#include "remote/store_url.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

using Scheme = StoreUrl::Scheme;

// The message of the error that `text` gets; "" when it is a URL after all.
std::string refusal(std::string_view text) {
  const auto url = parse_store_url(text);
  if (url) return "";
  EXPECT_EQ(url.error().code, ErrorCode::kInvalid);
  return url.error().message;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(StoreUrl, ABucketAloneHasNoPrefix) {
  for (const auto* text : {"s3://my-bucket.1", "s3://my-bucket.1/"}) {
    const auto url = parse_store_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->scheme, Scheme::kS3);
    EXPECT_EQ(url->bucket, "my-bucket.1");
    EXPECT_EQ(url->prefix, "");
    EXPECT_EQ(url->to_string(), "s3://my-bucket.1");
  }
}

TEST(StoreUrl, APrefixEndsInASlashWhetherOrNotItWasWrittenSo) {
  EXPECT_EQ(parse_store_url("s3://bucket/a/b")->prefix, "a/b/");
  EXPECT_EQ(parse_store_url("s3://bucket/a/b/")->prefix, "a/b/");
  EXPECT_EQ(parse_store_url("s3://bucket/a/b")->to_string(), "s3://bucket/a/b/");
}

TEST(StoreUrl, APrefixIsTakenVerbatim) {
  EXPECT_EQ(parse_store_url("s3://bucket/my files/")->prefix, "my files/");
  EXPECT_EQ(parse_store_url("s3://bucket/größe")->prefix, "größe/");
  EXPECT_EQ(parse_store_url("s3://bucket/100%25+x#y&z=1")->prefix, "100%25+x#y&z=1/");
  EXPECT_EQ(parse_store_url("s3://bucket//a//b")->prefix, "/a//b/");
  EXPECT_EQ(parse_store_url("s3://bucket/\xff")->prefix, "\xff/");
}

TEST(StoreUrl, APrefixMayBeAsLongAsAKey) {
  EXPECT_TRUE(parse_store_url("s3://bucket/" + std::string(1023, 'x')));
  EXPECT_TRUE(contains(refusal("s3://bucket/" + std::string(1024, 'x')), "1024"));
}

TEST(StoreUrl, BucketNamesOfAwsAndCephAreAccepted) {
  for (const auto* bucket : {"abc", "a.b-c", "Old_Bucket", "123"}) {
    EXPECT_EQ(refusal(std::string("s3://") + bucket), "") << bucket;
  }
  EXPECT_EQ(refusal("s3://" + std::string(255, 'b')), "");
}

TEST(StoreUrl, NamesThatNoBucketCanHaveAreRefused) {
  for (const auto* bucket :
       {"ab", "-abc", "abc-", "a b c", "a..b", "büro", "a:b:c", "a%2fb", "..."}) {
    EXPECT_TRUE(contains(refusal(std::string("s3://") + bucket), bucket)) << bucket;
  }
  EXPECT_NE(refusal("s3://" + std::string(256, 'b')), "");
  EXPECT_TRUE(contains(refusal("s3://"), "no bucket"));
  EXPECT_TRUE(contains(refusal("s3:///prefix"), "no bucket"));
}

TEST(StoreUrl, OptionsBehindABucketPointToTheConfiguration) {
  EXPECT_TRUE(contains(refusal("s3://bucket?region=eu-west-1"), "remote.region"));
  EXPECT_TRUE(contains(refusal("s3://bucket/prefix?region=eu-west-1"), "remote.region"));
}

TEST(StoreUrl, CredentialsInAUrlAreRefusedAndNotRepeated) {
  for (const auto* text : {"s3://AKID:verysecret@bucket/x", "S3://AKID:verysecret@bucket",
                           "s3://AKID:verysecret/with/slashes@bucket"}) {
    const std::string message = refusal(text);
    EXPECT_NE(message, "");
    EXPECT_FALSE(contains(message, "verysecret")) << message;
  }
}

TEST(StoreUrl, AFileUrlNamesADirectory) {
  const auto url = parse_store_url("file:///srv/my data/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, Scheme::kFile);
  EXPECT_EQ(url->directory, "/srv/my data");
  EXPECT_EQ(url->to_string(), "file:///srv/my data");
  EXPECT_FALSE(url->number("mbit"));
  EXPECT_EQ(parse_store_url("file:///")->directory, "/");
  EXPECT_EQ(parse_store_url("file:///a?")->directory, "/a");
}

TEST(StoreUrl, AFileUrlMayBeSlow) {
  const auto url = parse_store_url("file:///srv?round_trip_ms=30&mbit=0.5");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->directory, "/srv");
  EXPECT_EQ(url->number("round_trip_ms"), 30);
  EXPECT_EQ(url->number("mbit"), .5);
  EXPECT_EQ(url->to_string(), "file:///srv?mbit=0.5&round_trip_ms=30");
}

TEST(StoreUrl, ARelativeDirectoryIsRefused) {
  EXPECT_TRUE(contains(refusal("file://srv/data"), "three slashes"));
  EXPECT_TRUE(contains(refusal("file://"), "three slashes"));
}

TEST(StoreUrl, AnUnknownOptionNamesTheKnownOnes) {
  const std::string message = refusal("file:///srv?rtt=30");
  EXPECT_TRUE(contains(message, "'rtt'"));
  EXPECT_TRUE(contains(message, "round_trip_ms"));
  EXPECT_TRUE(contains(refusal("file:///srv?mbit=1&&mbit=2"), "''"));
}

TEST(StoreUrl, ABadNumberIsRefused) {
  for (const auto* value : {"", "x", "30ms", "-1", "nan", "inf", "1e3", "60001", " 1", "0x10"}) {
    const std::string message = refusal(std::string("file:///srv?round_trip_ms=") + value);
    EXPECT_TRUE(contains(message, "from 0 to 60000")) << value << ": " << message;
  }
  EXPECT_NE(refusal("file:///srv?mbit=0"), "");
  EXPECT_NE(refusal("file:///srv?mbit"), "");
  EXPECT_TRUE(contains(refusal("file:///srv?mbit=1&mbit=2"), "twice"));
}

TEST(StoreUrl, AnUnknownSchemeSaysWhatToWrite) {
  EXPECT_TRUE(contains(refusal("gs://bucket"), "s3://bucket/prefix or file:///directory"));
  EXPECT_TRUE(contains(refusal("S3://bucket"), "write s3://"));
  EXPECT_TRUE(contains(refusal("s3a://bucket"), "write s3://"));
  EXPECT_TRUE(contains(refusal("FILE:///srv"), "write file://"));
  EXPECT_TRUE(contains(refusal("/srv/data"), "write file:///srv/data"));
  EXPECT_TRUE(contains(refusal("bucket/prefix"), "no scheme"));
  EXPECT_TRUE(contains(refusal(""), "empty"));
}

TEST(StoreUrl, ANulByteIsRefused) {
  EXPECT_NE(refusal(std::string_view("s3://bucket/a\0b", 15)), "");
}

}  // namespace
}  // namespace augurfs
