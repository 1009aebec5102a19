#include "cache/metadata_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cache/range_lister.h"
#include "support/eventually.h"
#include "support/fetch_gate.h"
#include "support/manual_clock.h"
#include "support/memory_store.h"

namespace augurfs {
namespace {

constexpr std::chrono::seconds kTtl{60};

// A metadata cache on a store behind a gate, with a clock of the test's.
class MetadataCacheTest : public testing::Test {
 protected:
  void SetUp() override { start({}); }

  void start(MetadataOptions options) {
    options.now = clock_.function();
    cache_.emplace(options, gate_);
  }

  void put_many(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) {
      std::string digits = std::to_string(i);
      digits.insert(0, 6 - digits.size(), '0');
      store_.put(prefix + digits, "x");
    }
  }

  std::shared_ptr<const Listing> list(const std::string& prefix) {
    auto listing = cache_->list(prefix, {});
    EXPECT_TRUE(listing) << listing.error().message;
    return listing ? *listing : std::make_shared<Listing>();
  }

  // "o" for an object, "p" for a prefix, "" for neither.
  std::string lookup(const std::string& prefix, const std::string& name) {
    const auto child = cache_->lookup(prefix, name, {});
    if (!child) return "error " + std::string(to_string(child.error().code));
    if (child->object && child->object->version.key != prefix + name) return "another object";
    return std::string(child->object ? "o" : "") + (child->is_prefix ? "p" : "");
  }

  std::uint64_t requests() const { return store_.stats().requests; }

  // How many requests `body` makes.
  std::uint64_t requests_of(const std::function<void()>& body) const {
    const std::uint64_t before = requests();
    body();
    return requests() - before;
  }

  MemoryStore store_;
  FetchGate gate_{store_};
  ManualClock clock_;
  std::optional<MetadataCache> cache_;
};

using Keys = std::vector<std::string>;

Keys keys(const Listing& listing) {
  Keys keys;
  for (const auto& object : listing.objects) keys.push_back(object.version.key);
  return keys;
}

TEST_F(MetadataCacheTest, ListsTheChildrenOfAPrefix) {
  for (const char* key : {"d/b", "d/a", "d/sub/x", "d/sub/y", "e", "d", "dd"}) store_.put(key, "x");
  const auto listing = list("d/");
  EXPECT_EQ(keys(*listing), (Keys{"d/a", "d/b"}));
  EXPECT_EQ(listing->prefixes, Keys{"d/sub/"});
}

TEST_F(MetadataCacheTest, OneRoundTripAnswersEveryLookupInASmallDirectory) {
  for (const char* key : {"d/a", "d/b", "d/sub/x", "d/both", "d/both/x"}) store_.put(key, "x");
  EXPECT_EQ(requests_of([&] {
              EXPECT_EQ(lookup("d/", "a"), "o");
              EXPECT_EQ(lookup("d/", "sub"), "p");
              EXPECT_EQ(lookup("d/", "both"), "op");
              EXPECT_EQ(lookup("d/", "absent"), "");
              EXPECT_EQ(list("d/")->objects.size(), 3);
              EXPECT_TRUE(*cache_->attributes("d/a", {}));
              EXPECT_FALSE(*cache_->attributes("d/absent", {}));
            }),
            1);
}

TEST_F(MetadataCacheTest, AsksAgainAfterTheTimeToLive) {
  EXPECT_EQ(lookup("d/", "a"), "");
  store_.put("d/a", "x");
  clock_.advance(kTtl - std::chrono::nanoseconds{1});
  EXPECT_EQ(lookup("d/", "a"), "");
  clock_.advance(std::chrono::nanoseconds{1});
  EXPECT_EQ(lookup("d/", "a"), "o");
}

// And a few guesses more.
TEST_F(MetadataCacheTest, ListsEveryPageOfALargeDirectoryOnce) {
  put_many("d/", 50'000);
  EXPECT_LE(requests_of([&] {
              EXPECT_EQ(list("d/")->objects.size(), 50'000);
              EXPECT_EQ(list("d/")->objects.size(), 50'000);
              EXPECT_EQ(lookup("d/", "049999"), "o");
              EXPECT_EQ(lookup("d/", "050000"), "");
            }),
            50 + RangeLister::kSplits + 8);
}

TEST_F(MetadataCacheTest, ConcurrentLookupsShareOneRequest) {
  store_.put("d/a", "x");
  gate_.hold(FetchGate::kList);
  std::vector<std::future<std::string>> answers;
  answers.reserve(8);
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [&] { return lookup("d/", "a"); }));
  }
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kList));
  gate_.open();
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "o");
  EXPECT_EQ(requests(), 1);
}

TEST_F(MetadataCacheTest, AnObjectAndAPrefixOfOneNameAreBothFound) {
  store_.put("d/both", "x");
  store_.put("d/both/x", "x");
  store_.put("d/both.txt", "x");
  const auto child = cache_->lookup("d/", "both", {});
  ASSERT_TRUE(child);
  EXPECT_TRUE(child->object);
  EXPECT_TRUE(child->is_prefix);
}

TEST_F(MetadataCacheTest, ADirectoryMarkerIsTheObjectWithoutAName) {
  store_.put("d/", "");
  store_.put("d/a", "x");
  EXPECT_EQ(keys(*list("d/")), (Keys{"d/", "d/a"}));
  EXPECT_EQ(requests_of([&] {
              EXPECT_EQ(lookup("d/", ""), "o");
              EXPECT_TRUE(*cache_->attributes("d/", {}));
            }),
            0);
  EXPECT_EQ(lookup("", "d"), "p");
}

TEST_F(MetadataCacheTest, AnEmptyNameBetweenTwoSlashesIsAPrefix) {
  store_.put("d//a", "x");
  EXPECT_EQ(lookup("d/", ""), "p");
  EXPECT_EQ(lookup("d//", "a"), "o");
}

TEST_F(MetadataCacheTest, APathIsNotAName) { EXPECT_EQ(lookup("d/", "a/b"), "error invalid"); }

TEST_F(MetadataCacheTest, APageOfALargeDirectoryAnswersForWhatItCovers) {
  put_many("d/", 3000);
  EXPECT_EQ(lookup("d/", "000500"), "o");
  EXPECT_EQ(requests_of([&] {
              EXPECT_EQ(lookup("d/", "000000"), "o");
              EXPECT_EQ(lookup("d/", "0005"), "");
              EXPECT_EQ(lookup("d/", "000998"), "o");
            }),
            0);
}

TEST_F(MetadataCacheTest, ANameBeyondThePageTakesOneRequestOnce) {
  put_many("d/", 3000);
  store_.put("d/sub/x", "x");
  EXPECT_EQ(lookup("d/", "000500"), "o");
  const std::vector<std::pair<std::string, std::string>> children{
      {"002999", "o"}, {"003000", ""}, {"sub", "p"}, {"zzz", ""}};
  for (const auto& child : children) {
    const auto ask = [&] { EXPECT_EQ(lookup("d/", child.first), child.second); };
    EXPECT_EQ(requests_of(ask), 1) << child.first;
    EXPECT_EQ(requests_of(ask), 0) << child.first;
  }
  clock_.advance(kTtl);
  store_.put("d/zzz", "x");
  EXPECT_EQ(lookup("d/", "zzz"), "o");
}

TEST_F(MetadataCacheTest, SiblingsThatSortBeforeTheSlashDoNotHideAPrefix) {
  put_many("d/", 1500);
  for (int i = 0; i < 200; ++i) store_.put("d/name-" + std::to_string(i), "x");
  store_.put("d/name.txt", "x");
  store_.put("d/name/x", "x");
  store_.put("d/other", "x");
  for (int i = 0; i < 200; ++i) store_.put("d/other-" + std::to_string(i), "x");
  for (int i = 0; i < 200; ++i) store_.put("d/none-" + std::to_string(i), "x");
  EXPECT_EQ(lookup("d/", "000000"), "o");
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(lookup("d/", "name"), "p"); }), 2);
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(lookup("d/", "other"), "o"); }), 2);
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(lookup("d/", "none"), ""); }), 2);
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(lookup("d/", "name"), "p"); }), 0);
}

TEST_F(MetadataCacheTest, ThePageEndsAnywhereBetweenANameAndItsPrefix) {
  // 999 names and then `m`, of which the page holds the object but not yet what is below it.
  for (int i = 0; i < 999; ++i) store_.put("d/a" + std::to_string(1000 + i), "x");
  store_.put("d/m", "x");
  store_.put("d/m/x", "x");
  store_.put("d/m-", "x");
  EXPECT_EQ(lookup("d/", "m"), "op");
}

TEST_F(MetadataCacheTest, TheAttributesOfAnUnlistedKeyTakeOneHead) {
  store_.put("d/a", "xyz");
  EXPECT_EQ(requests_of([&] {
              const auto object = cache_->attributes("d/a", {});
              ASSERT_TRUE(object);
              EXPECT_EQ((*object)->version.size, 3);
              EXPECT_TRUE(*cache_->attributes("d/a", {}));
            }),
            1);
  EXPECT_EQ(requests_of([&] {
              EXPECT_FALSE(*cache_->attributes("d/absent", {}));
              EXPECT_FALSE(*cache_->attributes("d/absent", {}));
            }),
            1);
  EXPECT_EQ(gate_.counts(FetchGate::kHead).calls, 2);
}

TEST_F(MetadataCacheTest, ALaterHeadReplacesWhatTheListingSaid) {
  store_.put("d/a", "x");
  store_.put("d/b", "x");
  EXPECT_EQ(list("d/")->objects.size(), 2);
  clock_.advance(kTtl / 2);
  const Version replaced = store_.put("d/a", "longer");
  store_.remove("d/b");
  cache_->forget("d/a");
  clock_.advance(std::chrono::seconds{1});
  EXPECT_EQ((*cache_->attributes("d/a", {}))->version, replaced);
  EXPECT_EQ(requests_of([&] {
              EXPECT_EQ(cache_->lookup("d/", "a", {})->object->version, replaced);
              EXPECT_EQ(lookup("d/", "b"), "o");  // still believed
            }),
            0);
  // The listing that was found wrong is asked for again.
  clock_.advance(std::chrono::seconds{1});
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(keys(*list("d/")), Keys{"d/a"}); }), 1);
  EXPECT_EQ(requests_of([&] {
              EXPECT_EQ(keys(*list("d/")), Keys{"d/a"});
              EXPECT_EQ(lookup("d/", "b"), "");
            }),
            0);
}

TEST_F(MetadataCacheTest, AForgottenObjectIsAskedForAgain) {
  store_.put("d/a", "x");
  store_.put("d/a/x", "x");
  EXPECT_EQ(lookup("d/", "a"), "op");
  store_.remove("d/a");
  cache_->forget("d/a");
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(lookup("d/", "a"), "p"); }), 1);
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(lookup("d/", "a"), "p"); }), 0);
}

TEST_F(MetadataCacheTest, AnAnswerOnItsWayWhenItsObjectIsForgottenIsNotBelieved) {
  store_.put("d/a", "x");
  gate_.hold(FetchGate::kHead);
  auto early = std::async(std::launch::async, [&] { return cache_->attributes("d/a", {}); });
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kHead));
  clock_.advance(std::chrono::seconds{1});
  cache_->forget("d/a");
  clock_.advance(std::chrono::seconds{1});
  auto late = std::async(std::launch::async, [&] { return cache_->attributes("d/a", {}); });
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kHead, 2));  // one of its own
  gate_.open();
  EXPECT_TRUE(*early.get());
  EXPECT_TRUE(*late.get());
}

TEST_F(MetadataCacheTest, WithoutATimeToLiveEveryQuestionIsAsked) {
  start({.ttl = std::chrono::milliseconds{0}});
  store_.put("d/a", "x");
  EXPECT_EQ(lookup("d/", "a"), "o");
  EXPECT_TRUE(*cache_->attributes("d/a", {}));
  store_.remove("d/a");
  EXPECT_EQ(lookup("d/", "a"), "");
  EXPECT_FALSE(*cache_->attributes("d/a", {}));
  EXPECT_TRUE(list("d/")->objects.empty());
  store_.put("d/a", "x");
  EXPECT_EQ(list("d/")->objects.size(), 1);
}

TEST_F(MetadataCacheTest, ErrorsAreNotRemembered) {
  store_.put("d/a", "x");
  gate_.hold(FetchGate::kList);
  auto refused = std::async(std::launch::async, [&] { return lookup("d/", "a"); });
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kList));
  gate_.fail_held(FetchGate::kList, {ErrorCode::kUnavailable, "test"});
  EXPECT_EQ(refused.get(), "error unavailable");
  gate_.open();
  EXPECT_EQ(lookup("d/", "a"), "o");
}

TEST_F(MetadataCacheTest, ACancelledLoaderHandsTheQuestionToTheNext) {
  store_.put("d/a", "x");
  gate_.hold(FetchGate::kHead);
  std::stop_source stop;
  auto first =
      std::async(std::launch::async, [&] { return cache_->attributes("d/a", stop.get_token()); });
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kHead));
  auto second = std::async(std::launch::async, [&] { return cache_->attributes("d/a", {}); });
  stop.request_stop();
  const auto cancelled = first.get();
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  ASSERT_TRUE(gate_.wait_until(FetchGate::kHead, [](const auto& c) { return c.calls == 2; }));
  gate_.open();
  EXPECT_TRUE(*second.get());
}

TEST_F(MetadataCacheTest, ACancelledWaiterReturnsWhileTheOtherGoesOn) {
  store_.put("d/a", "x");
  gate_.hold(FetchGate::kHead);
  auto first = std::async(std::launch::async, [&] { return cache_->attributes("d/a", {}); });
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kHead));
  std::stop_source stop;
  stop.request_stop();
  const auto cancelled = cache_->attributes("d/a", stop.get_token());
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  gate_.open();
  EXPECT_TRUE(*first.get());
  EXPECT_EQ(requests(), 1);
}

TEST_F(MetadataCacheTest, ConcurrentListingsShareEveryPage) {
  put_many("d/", 2500);
  gate_.hold(FetchGate::kList);
  const auto size = [&] { return list("d/")->objects.size(); };
  std::vector<std::future<std::size_t>> sizes;
  sizes.push_back(std::async(std::launch::async, size));
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kList));
  for (int i = 0; i < 3; ++i) sizes.push_back(std::async(std::launch::async, size));
  auto found = std::async(std::launch::async, [&] { return lookup("d/", "000001"); });
  gate_.open();
  for (auto& each : sizes) EXPECT_EQ(each.get(), 2500);
  EXPECT_EQ(found.get(), "o");
  EXPECT_EQ(requests(), 3);
}

TEST_F(MetadataCacheTest, WhatIsKeptIsBoundedAndTheLeastUsedGoes) {
  start({.entries_max = 30, .list_subtrees = false});
  for (const char* prefix : {"a/", "b/", "c/"}) put_many(prefix, 12);
  list("a/");
  list("b/");
  EXPECT_EQ(lookup("a/", "000000"), "o");
  list("c/");  // b/ goes
  EXPECT_EQ(requests_of([&] { list("a/"); }), 0);
  EXPECT_EQ(requests_of([&] { list("c/"); }), 0);
  EXPECT_EQ(requests_of([&] { list("b/"); }), 1);
}

TEST_F(MetadataCacheTest, AListingLargerThanTheBoundIsAnsweredButNotKept) {
  start({.entries_max = 10});
  put_many("d/", 50);
  EXPECT_EQ(list("d/")->objects.size(), 50);
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(list("d/")->objects.size(), 50); }), 1);
  EXPECT_EQ(lookup("d/", "000049"), "o");
}

TEST_F(MetadataCacheTest, AListingTooLongToHoldIsAnError) {
  start({.listing_entries_max = 2500});
  put_many("d/", 2501);
  const auto listing = cache_->list("d/", {});
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().code, ErrorCode::kNoSpace);
}

// Refuses to list from where it did not end itself; what follows the five pages that come one by
// one waits until it was asked to.
class RefusesGuesses : public FetchGate {
 public:
  RefusesGuesses(ObjectStore& inner, ErrorCode code) : FetchGate(inner), code_(code) {}
  Result<ListPage> list(const ListRequest& request, std::stop_token stop) override {
    if (!request.start_after.empty()) {
      has_refused_ = true;
      return Error{code_, "a start that it does not like"};
    }
    if (++asked_ > 5) {
      EXPECT_TRUE(eventually([&] { return has_refused_.load(); }));
    }
    return FetchGate::list(request, std::move(stop));
  }

 private:
  const ErrorCode code_;
  std::atomic<int> asked_ = 0;
  std::atomic<bool> has_refused_ = false;
};

TEST_F(MetadataCacheTest, AStoreThatRefusesAGuessIsListedPageByPage) {
  put_many("d/", 12'000);
  for (const ErrorCode code : {ErrorCode::kInvalid, ErrorCode::kDenied, ErrorCode::kNotFound}) {
    RefusesGuesses store(store_, code);
    MetadataCache cache({}, store);
    const auto listing = cache.list("d/", {});
    ASSERT_TRUE(listing) << listing.error().message;
    EXPECT_EQ((*listing)->objects.size(), 12'000U);
  }
}

// Answers listings from a script, page after page.
class ScriptedStore : public ObjectStore {
 public:
  explicit ScriptedStore(std::vector<ListPage> pages) : pages_(std::move(pages)) {}
  Result<ObjectInfo> head(const std::string& key, std::stop_token) override {
    return Error{ErrorCode::kNotFound, key};
  }
  Result<ListPage> list(const ListRequest&, std::stop_token) override {
    return pages_[std::min(next_++, pages_.size() - 1)];
  }
  Result<void> get(const Version&, ByteRange, const ByteSink&, std::stop_token) override {
    return Error{ErrorCode::kInvalid, "not scripted"};
  }
  std::string identity() const override { return "scripted"; }
  StoreStats stats() const override { return {}; }

 private:
  const std::vector<ListPage> pages_;
  std::size_t next_ = 0;
};

ObjectInfo object(const std::string& key, const std::string& etag = "e") {
  return {{key, etag, 1}, {}};
}

std::string list_code(std::vector<ListPage> pages) {
  ScriptedStore store(std::move(pages));
  const auto listing = MetadataCache({}, store).list("d/", {});
  return listing ? "ok" : to_string(listing.error().code);
}

TEST(MetadataCache, AnAnswerToAnotherQuestionIsCorrupt) {
  EXPECT_EQ(list_code({{.objects = {object("d/a")}}}), "ok");
  EXPECT_EQ(list_code({{.objects = {object("e/a")}}}), "corrupt");
  EXPECT_EQ(list_code({{.objects = {object("d")}}}), "corrupt");
  EXPECT_EQ(list_code({{.objects = {object("d/a/b")}}}), "corrupt");
  EXPECT_EQ(list_code({{.prefixes = {"d/a"}}}), "corrupt");
  EXPECT_EQ(list_code({{.prefixes = {"d/"}}}), "corrupt");
  EXPECT_EQ(list_code({{.prefixes = {"e/a/"}}}), "corrupt");
  EXPECT_EQ(list_code({{.prefixes = {"d/a/b/"}}}), "corrupt");
  EXPECT_EQ(list_code({{.objects = {object("d/a")}, .next = "1"}, {.objects = {object("x")}}}),
            "corrupt");
}

TEST(MetadataCache, PagesWithoutEndAreCorrupt) {
  EXPECT_EQ(list_code({{.objects = {object("d/a")}, .next = "same"}}), "corrupt");
  std::vector<ListPage> barren;
  barren.reserve(1000);
  for (int i = 0; i < 1000; ++i) barren.push_back({.next = std::to_string(i)});
  EXPECT_EQ(list_code(barren), "corrupt");
  EXPECT_EQ(list_code({{.next = "1"}, {.next = "2"}, {.objects = {object("d/a")}}}), "ok");
}

TEST(MetadataCache, RepeatedAndUnorderedEntriesArePutRight) {
  ScriptedStore store({{.objects = {object("d/c"), object("d/a", "old")},
                        .prefixes = {"d/z/", "d/y/"},
                        .next = "1"},
                       {.objects = {object("d/a", "new"), object("d/b")}, .prefixes = {"d/z/"}}});
  MetadataCache cache({}, store);
  const auto listing = cache.list("d/", {});
  ASSERT_TRUE(listing);
  EXPECT_EQ(keys(**listing), (Keys{"d/a", "d/b", "d/c"}));
  EXPECT_EQ((*listing)->objects[0].version.etag, "new");
  EXPECT_EQ((*listing)->prefixes, (Keys{"d/y/", "d/z/"}));
}

TEST(MetadataCache, ALookupInAnUnorderedListingReadsAllOfIt) {
  ScriptedStore store(
      {{.objects = {object("d/c"), object("d/b")}, .next = "1"}, {.objects = {object("d/a")}}});
  MetadataCache cache({}, store);
  EXPECT_TRUE(cache.lookup("d/", "a", {})->object);
  EXPECT_FALSE(cache.lookup("d/", "aa", {})->object);
}

}  // namespace
}  // namespace augurfs
