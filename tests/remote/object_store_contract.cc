#include "remote/object_store_contract.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

namespace augurfs {

using testing::ElementsAre;

namespace {

std::string some_content(std::size_t size) {
  std::string content;
  for (std::uint32_t i = 0; content.size() < size; ++i) content += std::to_string(i * i) + ",";
  content.resize(size);
  return content;
}

std::vector<std::string> keys(const ListPage& page) {
  std::vector<std::string> keys;
  for (const ObjectInfo& object : page.objects) keys.push_back(object.version.key);
  return keys;
}

}  // namespace

Version ObjectStoreContract::version(const std::string& key) {
  const auto info = store().head(key, {});
  EXPECT_TRUE(info) << (info ? "" : info.error().message);
  return info ? info->version : Version{};
}

ObjectStoreContract::Got ObjectStoreContract::get(const Version& version, ByteRange range) {
  Got got;
  got.result =
      store().get(version, range,
                  [&](std::span<const std::byte> piece) {
                    got.bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                    return true;
                  },
                  {});
  return got;
}

TEST_P(ObjectStoreContract, HeadAndListTellTheSameOfAnObject) {
  bucket_->put("d/object", "content");
  const auto head = store().head("d/object", {});
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->version.key, "d/object");
  EXPECT_EQ(head->version.size, 7U);
  EXPECT_FALSE(head->version.etag.empty());
  ListRequest request;
  request.prefix = "d/";
  request.delimiter = "/";
  request.start_after = "d/";
  const auto page = store().list(request, {});
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 1U);
  EXPECT_EQ(page->objects[0].version, head->version);
  EXPECT_EQ(page->objects[0].modified, head->modified);
}

TEST_P(ObjectStoreContract, AMissingKeyIsNotFound) {
  bucket_->put("d/object", "content");
  for (const char* key : {"missing", "d", "d/obj", "d/object/below"}) {
    const auto head = store().head(key, {});
    ASSERT_FALSE(head) << key;
    EXPECT_EQ(head.error().code, ErrorCode::kNotFound) << key;
    EXPECT_NE(head.error().message.find(key), std::string::npos) << head.error().message;
  }
}

TEST_P(ObjectStoreContract, GetFeedsExactlyItsRange) {
  const std::string content = some_content(300'000);
  bucket_->put("object", content);
  const Version version = this->version("object");
  const std::uint64_t before = store().stats().bytes_received;
  for (const ByteRange range : {ByteRange{0, 300'000}, {299'999, 1}, {0, 1}, {70'000, 200'000}}) {
    const Got got = get(version, range);
    EXPECT_TRUE(got.result) << got.result.error().message;
    EXPECT_TRUE(got.bytes == content.substr(range.offset, range.length)) << range.offset;
  }
  EXPECT_EQ(store().stats().bytes_received - before, 500'002U);
}

TEST_P(ObjectStoreContract, AnEmptyRangeMakesNoRequest) {
  bucket_->put("object", "content");
  const Version version = this->version("object");
  const std::uint64_t before = store().stats().requests;
  EXPECT_TRUE(get(version, {0, 0}).result);
  EXPECT_TRUE(get(version, {7, 0}).result);
  EXPECT_EQ(store().stats().requests, before);
}

TEST_P(ObjectStoreContract, AReplacedVersionIsStale) {
  bucket_->put("object", "old content");
  const Version old = version("object");
  bucket_->put("object", "newer content");
  const Got got = get(old, {0, old.size});
  ASSERT_FALSE(got.result);
  EXPECT_EQ(got.result.error().code, ErrorCode::kStale) << got.result.error().message;
  EXPECT_NE(got.result.error().message.find("object"), std::string::npos);
  EXPECT_EQ(got.bytes, "");
  EXPECT_EQ(get(version("object"), {0, 13}).bytes, "newer content");
}

TEST_P(ObjectStoreContract, ARemovedVersionIsStaleAndItsKeyNotFound) {
  bucket_->put("object", "content");
  const Version removed = version("object");
  bucket_->remove("object");
  const Got got = get(removed, {0, removed.size});
  ASSERT_FALSE(got.result);
  EXPECT_EQ(got.result.error().code, ErrorCode::kStale) << got.result.error().message;
  EXPECT_EQ(got.bytes, "");
  EXPECT_EQ(store().head("object", {}).error().code, ErrorCode::kNotFound);
}

TEST_P(ObjectStoreContract, ASinkThatWantsNoMoreIsCancelledAndNotCalledAgain) {
  bucket_->put("object", some_content(3'000'000));
  const Version version = this->version("object");
  int calls = 0;
  const auto refuse = [&](std::span<const std::byte>) {
    ++calls;
    return false;
  };
  const auto result = store().get(version, {0, version.size}, refuse, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled) << result.error().message;
  EXPECT_EQ(calls, 1);
}

TEST_P(ObjectStoreContract, AStopRequestCancelsAGetOnItsWay) {
  bucket_->put("object", some_content(30'000'000));
  const Version version = this->version("object");
  std::stop_source source;
  const auto stop = [&](std::span<const std::byte>) {
    source.request_stop();
    return true;
  };
  const auto result = store().get(version, {0, version.size}, stop, source.get_token());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled) << result.error().message;
}

TEST_P(ObjectStoreContract, ADelimiterShowsOneLevelInTheOrderOfItsBytes) {
  for (const char* key : {"a-b", "a/b", "a/c/d", "a0", "b/x", "\xC3\xA9", "z"}) {
    bucket_->put(key, "x");
  }
  ListRequest request;
  request.delimiter = "/";
  const auto all = store().list(request, {});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_THAT(keys(*all), ElementsAre("a-b", "a0", "z", "\xC3\xA9"));
  EXPECT_THAT(all->prefixes, ElementsAre("a/", "b/"));
  EXPECT_EQ(all->next, "");
  request.prefix = "a/";
  request.start_after = "a/";
  const auto below = store().list(request, {});
  ASSERT_TRUE(below) << below.error().message;
  EXPECT_THAT(keys(*below), ElementsAre("a/b"));
  EXPECT_THAT(below->prefixes, ElementsAre("a/c/"));
}

TEST_P(ObjectStoreContract, PagesHoldAtMostWhatWasAskedForAndTogetherAll) {
  for (const char* key : {"1", "2/a", "2/b", "3", "4", "5/a", "6"}) bucket_->put(key, "x");
  ListRequest request;
  request.delimiter = "/";
  request.start_after = "1";
  request.max_keys = 2;
  std::vector<std::string> all;
  do {
    const auto page = store().list(request, {});
    ASSERT_TRUE(page) << page.error().message;
    const auto objects = keys(*page);
    EXPECT_LE(objects.size() + page->prefixes.size(), 2U);
    all.insert(all.end(), objects.begin(), objects.end());
    all.insert(all.end(), page->prefixes.begin(), page->prefixes.end());
    request.continuation = page->next;
  } while (!request.continuation.empty() && all.size() < 100);
  std::sort(all.begin(), all.end());
  EXPECT_THAT(all, ElementsAre("2/", "3", "4", "5/", "6"));
}

TEST_P(ObjectStoreContract, APrefixWithoutKeysIsAnEmptyPage) {
  bucket_->put("object", "x");
  ListRequest request;
  request.prefix = "nothing/";
  request.delimiter = "/";
  const auto page = store().list(request, {});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_TRUE(page->objects.empty() && page->prefixes.empty() && page->next.empty());
}

}  // namespace augurfs
