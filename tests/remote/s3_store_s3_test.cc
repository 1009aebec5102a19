#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "remote/s3_store.h"
#include "remote/store_url.h"
#include "support/s3_bucket.h"

namespace augurfs {
namespace {

std::unique_ptr<S3Store> open(const S3Bucket& bucket, const StoreOptions& options,
                              const std::map<std::string, std::string>& variables = {}) {
  S3Surroundings surroundings;
  surroundings.environment = [&bucket,
                              variables](const std::string& name) -> std::optional<std::string> {
    const auto own = variables.find(name);
    return own == variables.end() ? bucket.environment(name) : own->second;
  };
  auto store = S3Store::open(*parse_store_url(bucket.url()), options, std::move(surroundings));
  EXPECT_TRUE(store) << (store ? "" : store.error().message);
  return store ? std::move(*store) : nullptr;
}

std::unique_ptr<S3Store> open(const S3Bucket& bucket) { return open(bucket, bucket.options()); }

Result<std::string> read(ObjectStore& store, const Version& version, ByteRange range) {
  std::string bytes;
  const Result<void> result =
      store.get(version, range,
                [&](std::span<const std::byte> piece) {
                  bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                  return true;
                },
                {});
  if (!result) return result.error();
  return bytes;
}

std::vector<ObjectInfo> list_all(ObjectStore& store, ListRequest request) {
  std::vector<ObjectInfo> objects;
  do {
    const auto page = store.list(request, {});
    EXPECT_TRUE(page) << (page ? "" : page.error().message);
    if (!page) break;
    objects.insert(objects.end(), page->objects.begin(), page->objects.end());
    request.continuation = page->next;
  } while (!request.continuation.empty());
  return objects;
}

const std::vector<std::string> kOddKeys{
    " ",
    " leading and trailing ",
    "%",
    "%41",
    "&<>'\"",
    "+",
    "..",
    "../up",
    "//",
    "a",
    "a b",
    "a%20b",
    "a%2Fb",
    "a+b",
    "a/",
    "a/../b",
    "a/./b",
    "a//b",
    "a/b",
    "a=b&c=d",
    "a?b#c",
    "line\nend\rand\ttab",
    "~!@#$%^&*()_+{}|:\"<>?`-=[]\\;',./",
    "\xC3\xA9t\xC3\xA9/\xE6\x97\xA5\xE6\x9C\xAC/\xF0\x9F\x98\x80",
    std::string(1024, 'k'),
};

TEST(S3StoreOnRgw, ReadsEveryOddKey) {
  S3Bucket bucket;
  for (const std::string& key : kOddKeys) bucket.put(key, "content of " + key);
  const auto store = open(bucket);
  std::vector<std::string> listed;
  for (const ObjectInfo& object : list_all(*store, {})) {
    listed.push_back(object.version.key);
    const auto info = store->head(object.version.key, {});
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->version, object.version);
    EXPECT_EQ(info->modified, object.modified);
    const auto bytes = read(*store, info->version, {0, info->version.size});
    ASSERT_TRUE(bytes) << bytes.error().message;
    EXPECT_EQ(*bytes, "content of " + object.version.key);
  }
  std::vector<std::string> expected = kOddKeys;
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(listed, expected);
}

TEST(S3StoreOnRgw, PagesThroughOddKeysOneByOne) {
  S3Bucket bucket;
  bucket.put(kOddKeys, "x");
  const auto store = open(bucket);
  ListRequest one;
  one.max_keys = 1;
  std::vector<std::string> listed;
  for (const ObjectInfo& object : list_all(*store, one)) listed.push_back(object.version.key);
  std::vector<std::string> expected = kOddKeys;
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(listed, expected);
  // After each key come those that are greater.
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ListRequest after;
    after.start_after = expected[i];
    const auto page = store->list(after, {});
    ASSERT_TRUE(page) << page.error().message;
    EXPECT_EQ(page->objects.size(), expected.size() - i - 1) << expected[i];
  }
}

TEST(S3StoreOnRgw, ListsOneLevelWithItsPrefixesPageByPage) {
  S3Bucket bucket;
  bucket.put({"d/1", "d/2", "d/a b/x", "d/a b/y", "d/a+b/x", "d/\xC3\xA9/x", "d/z", "e/1"}, "x");
  const auto store = open(bucket);
  for (const int max_keys : {1, 2, 1000}) {
    ListRequest request;
    request.prefix = "d/";
    request.delimiter = "/";
    request.max_keys = max_keys;
    std::vector<std::string> keys;
    std::vector<std::string> prefixes;
    do {
      const auto page = store->list(request, {});
      ASSERT_TRUE(page) << page.error().message;
      EXPECT_LE(page->objects.size() + page->prefixes.size(), static_cast<std::size_t>(max_keys));
      for (const auto& object : page->objects) keys.push_back(object.version.key);
      prefixes.insert(prefixes.end(), page->prefixes.begin(), page->prefixes.end());
      request.continuation = page->next;
    } while (!request.continuation.empty());
    EXPECT_EQ(keys, (std::vector<std::string>{"d/1", "d/2", "d/z"})) << max_keys;
    EXPECT_EQ(prefixes, (std::vector<std::string>{"d/a b/", "d/a+b/", "d/\xC3\xA9/"})) << max_keys;
  }
}

TEST(S3StoreOnRgw, GetsRangesOfALargeObject) {
  S3Bucket bucket;
  std::string content;
  content.resize(20'000'000);
  std::uint32_t value = 1;
  for (char& c : content) c = static_cast<char>((value = value * 1664525 + 1013904223) >> 24);
  const Version version{"large", bucket.put("large", content), content.size()};
  const auto store = open(bucket);
  EXPECT_EQ(store->head("large", {})->version, version);
  for (const ByteRange range : {ByteRange{0, content.size()},
                                {0, 1},
                                {19'999'999, 1},
                                {4'194'303, 2},
                                {1'000'000, 10'000'000}}) {
    const auto bytes = read(*store, version, range);
    ASSERT_TRUE(bytes) << bytes.error().message;
    EXPECT_TRUE(*bytes == content.substr(range.offset, range.length));
  }
}

TEST(S3StoreOnRgw, ManyThreadsReadAtOnce) {
  S3Bucket bucket;
  const std::string content(300'000, 'x');
  const Version version{"key", bucket.put("key", content), content.size()};
  const auto store = open(bucket);
  std::vector<std::jthread> threads;
  threads.reserve(16);
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10; ++j) {
        const auto bytes = read(*store, version, {0, version.size});
        EXPECT_TRUE(bytes && *bytes == content);
      }
    });
  }
  threads.clear();
  EXPECT_EQ(store->stats().requests, 160U);
}

TEST(S3StoreOnRgw, ReplacedAndDeletedObjectsAreStaleAndMissingOnesNotFound) {
  S3Bucket bucket;
  const Version old{"key", bucket.put("key", "old"), 3};
  const auto store = open(bucket);
  bucket.put("key", "new");
  EXPECT_EQ(read(*store, old, {0, 3}).error().code, ErrorCode::kStale);
  bucket.remove("key");
  EXPECT_EQ(read(*store, old, {0, 3}).error().code, ErrorCode::kStale);
  EXPECT_EQ(store->head("key", {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store->head(std::string(3'000, 'k'), {}).error().code, ErrorCode::kNotFound);
}

TEST(S3StoreOnRgw, ReadsAnEmptyObject) {
  S3Bucket bucket;
  const Version empty{"empty", bucket.put("empty", ""), 0};
  const auto store = open(bucket);
  EXPECT_EQ(store->head("empty", {})->version, empty);
  EXPECT_EQ(*read(*store, empty, {0, 0}), "");
}

TEST(S3StoreOnRgw, ASignatureInAnotherRegionIsTaken) {
  S3Bucket bucket;
  bucket.put("key", "x");
  StoreOptions options = bucket.options();
  options.region = "eu-central-1";
  EXPECT_TRUE(open(bucket, options)->list({}, {}));
}

TEST(S3StoreOnRgw, AWrongSecretIsDeniedAndNotRepeated) {
  S3Bucket bucket;
  const auto store = open(bucket, bucket.options(), {{"AWS_SECRET_ACCESS_KEY", "wrong-secret"}});
  const auto page = store->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kDenied);
  for (const char* part : {"SignatureDoesNotMatch", "request id", "environment"}) {
    EXPECT_NE(page.error().message.find(part), std::string::npos) << page.error().message;
  }
  EXPECT_EQ(page.error().message.find("wrong-secret"), std::string::npos);
  EXPECT_EQ(store->head("key", {}).error().code, ErrorCode::kDenied);
  EXPECT_EQ(store->stats().retries, 0U);
}

TEST(S3StoreOnRgw, AnUnknownAccessKeyIsDenied) {
  S3Bucket bucket;
  const auto page = open(bucket, bucket.options(), {{"AWS_ACCESS_KEY_ID", "nobody"}})->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kDenied);
  EXPECT_NE(page.error().message.find("InvalidAccessKeyId"), std::string::npos)
      << page.error().message;
}

TEST(S3StoreOnRgw, APrivateBucketIsDeniedToTheAnonymous) {
  S3Bucket bucket;
  StoreOptions options = bucket.options();
  options.anonymous = true;
  const auto page = open(bucket, options)->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kDenied);
  EXPECT_NE(page.error().message.find("anonymous"), std::string::npos) << page.error().message;
}

TEST(S3StoreOnRgw, AWrongBucketIsNamed) {
  S3Bucket bucket;
  S3Surroundings surroundings;
  surroundings.environment = [&](const std::string& name) { return bucket.environment(name); };
  const auto store =
      *S3Store::open(*parse_store_url("s3://no-such-bucket"), bucket.options(), surroundings);
  const auto page = store->list({}, {});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(page.error().message.starts_with("s3://no-such-bucket: the bucket does not exist"))
      << page.error().message;
}

TEST(S3StoreOnRgw, AClockThatIsHoursOffIsCorrected) {
  S3Bucket bucket;
  bucket.put("key", "x");
  for (const int hours : {-3, 3}) {
    S3Surroundings surroundings;
    surroundings.environment = [&](const std::string& name) { return bucket.environment(name); };
    surroundings.now = [hours] {
      return std::chrono::system_clock::now() + std::chrono::hours(hours);
    };
    const auto store =
        *S3Store::open(*parse_store_url(bucket.url()), bucket.options(), surroundings);
    const auto info = store->head("key", {});
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_TRUE(store->list({}, {}));
    EXPECT_EQ(store->stats().requests, 3U);
  }
}

}  // namespace
}  // namespace augurfs
