#include "cache/tree_walks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cache/metadata_cache.h"
#include "support/eventually.h"
#include "support/faulty_store.h"
#include "support/fetch_gate.h"
#include "support/manual_clock.h"
#include "support/memory_store.h"
#include "support/seeds.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

std::string numbered(int number) {
  std::string digits = std::to_string(number);
  return digits.insert(0, 4 - digits.size(), '0');
}

// What `find` does: lists a directory, then those below it. False when a listing fails.
bool find(MetadataCache& cache, const std::string& prefix, std::vector<std::string>& found) {
  const auto listing = cache.list(prefix, {});
  if (!listing) return false;
  for (const auto& object : (*listing)->objects) found.push_back(object.version.key);
  return std::all_of((*listing)->prefixes.begin(), (*listing)->prefixes.end(),
                     [&](const auto& below) { return find(cache, below, found); });
}

// Every key of a store, in order.
std::vector<std::string> all_keys(ObjectStore& store) {
  std::vector<std::string> keys;
  ListRequest request;
  do {
    const auto page = store.list(request, {});
    if (!page) return {};
    for (const auto& object : page->objects) keys.push_back(object.version.key);
    request.continuation = page->next;
  } while (!request.continuation.empty());
  return keys;
}

// A metadata cache on a store behind a gate, with a clock of the test's.
class TreeWalksTest : public testing::Test {
 protected:
  void SetUp() override { start({}); }

  void start(MetadataOptions options) {
    options.now = clock_.function();
    cache_.emplace(options, gate_);
  }

  void put_tree(const std::string& root, int directories, int files) {
    for (int d = 0; d < directories; ++d) {
      for (int f = 0; f < files; ++f) store_.put(root + numbered(d) + "/" + numbered(f), "x");
    }
  }

  std::size_t list(const std::string& prefix) {
    const auto listing = cache_->list(prefix, {});
    EXPECT_TRUE(listing) << listing.error().message;
    return listing ? (*listing)->objects.size() : 0;
  }

  // The root of a tree and its first directory: one more, and it is a walk.
  void begin_walk() {
    list("r/");
    list("r/0000/");
  }

  std::uint64_t requests() const { return store_.stats().requests; }
  std::uint64_t pages() const { return cache_->stats().walk_pages; }
  bool settled() {
    return eventually([&] {
      const auto counts = gate_.counts(FetchGate::kList);
      return counts.calls == counts.ended;
    });
  }

  MemoryStore store_;
  FetchGate gate_{store_};
  ManualClock clock_;
  std::optional<MetadataCache> cache_;
};

TEST_F(TreeWalksTest, AWalkCostsPagesRatherThanDirectories) {
  put_tree("r/", 100, 50);
  std::vector<std::string> found;
  ASSERT_TRUE(find(*cache_, "r/", found));
  EXPECT_EQ(found.size(), 5000U);
  ASSERT_TRUE(settled());
  // The root, its first directory, and 4,950 keys behind the beginning of that.
  EXPECT_LE(requests(), 2 + 5U);
}

TEST_F(TreeWalksTest, AWalkOfATreeOfSmallTreesCostsLittleMoreThanPages) {
  for (int i = 0; i < 50; ++i) put_tree("r/" + numbered(i) + "/", 5, 20);
  std::vector<std::string> found;
  ASSERT_TRUE(find(*cache_, "r/", found));
  EXPECT_EQ(found.size(), 5000U);
  ASSERT_TRUE(settled());
  EXPECT_LE(requests(), 15U);
}

TEST_F(TreeWalksTest, TwoDirectoriesAreNoWalkNorAreThreeThatAreListedSlowly) {
  put_tree("r/", 10, 2);
  begin_walk();
  clock_.advance(TreeWalks::kPause + std::chrono::seconds{1});
  list("r/0001/");
  list("r/0002/");
  ASSERT_TRUE(settled());
  EXPECT_EQ(pages(), 0);
}

TEST_F(TreeWalksTest, AWalkOfDepthOneOverLargeSubtreesCostsLittleMoreThanWithoutUs) {
  for (int i = 0; i < 200; ++i) put_tree("r/" + numbered(i) + "/", 2, 1500);
  list("r/");
  for (int i = 0; i < 200; ++i) list("r/" + numbered(i) + "/");
  ASSERT_TRUE(settled());
  EXPECT_LE(requests(), 201 + 12U);
}

TEST_F(TreeWalksTest, IsNoMoreThanAFewPagesAheadOfWhoWalks) {
  put_tree("r/", 1000, 50);
  begin_walk();
  for (int d = 1; d < 100; ++d) list("r/" + numbered(d) + "/");
  ASSERT_TRUE(settled());
  EXPECT_LE(pages(), 5 + TreeWalks::kPagesAheadMax);
}

TEST_F(TreeWalksTest, EndsWithTheProgram) {
  put_tree("r/", 1000, 50);
  begin_walk();
  list("r/0001/");
  ASSERT_TRUE(settled());
  EXPECT_LE(pages(), 2U);
}

TEST_F(TreeWalksTest, WhoIsNotInTheTreeDoesNotWaitForItsPage) {
  put_tree("r/", 10, 2);
  store_.put("q/a", "x");
  begin_walk();
  gate_.hold(FetchGate::kList, "r/");
  auto walker = std::async(std::launch::async, [&] { return list("r/0001/"); });
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kList));
  EXPECT_EQ(list("q/"), 1U);
  EXPECT_EQ(list("r/0000/"), 2U);
  gate_.open();
  EXPECT_EQ(walker.get(), 2U);
}

// Holds what is listed of "big/" by ranges: what follows the five pages that come one by one.
class RangesHeld : public FetchGate {
 public:
  using FetchGate::FetchGate;
  Result<ListPage> list(const ListRequest& request, std::stop_token stop) override {
    if (request.prefix == "big/" && ++asked_ == 6) hold(kList, "big/");
    return FetchGate::list(request, std::move(stop));
  }

 private:
  std::atomic<int> asked_ = 0;
};

TEST_F(TreeWalksTest, WhoWalksIsNotBehindThoseWhoListLargeDirectories) {
  put_tree("r/", 10, 2);
  for (int i = 0; i < 20'000; ++i) store_.put("big/" + std::to_string(100'000 + i), "x");
  RangesHeld gate(store_);
  MetadataCache cache({}, gate);
  auto large = std::async(std::launch::async, [&] { return cache.list("big/", {}); });
  EXPECT_TRUE(gate.wait_until_held(FetchGate::kList, 4));  // who lists, and three guesses
  std::stop_source stop;
  auto walker = std::async(std::launch::async, [&] {
    return cache.list("r/", {}) && cache.list("r/0000/", {}) &&
           cache.list("r/0001/", stop.get_token()) && cache.list("r/0002/", {});
  });
  EXPECT_TRUE(eventually(
      [&] { return walker.wait_for(std::chrono::seconds{0}) == std::future_status::ready; }));
  stop.request_stop();
  EXPECT_TRUE(walker.get());
  EXPECT_GE(cache.stats().walk_pages, 1U);
  gate.open();
  const auto listing = large.get();
  ASSERT_TRUE(listing);
  EXPECT_EQ((*listing)->objects.size(), 20'000U);
}

TEST_F(TreeWalksTest, WhoWaitedForAPageThatFailsAsksForHimself) {
  put_tree("r/", 10, 2);
  begin_walk();
  gate_.hold(FetchGate::kList, "r/");
  auto walker = std::async(std::launch::async, [&] { return list("r/0001/"); });
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kList));
  gate_.fail_held(FetchGate::kList, {ErrorCode::kUnavailable, "a page that fails"});
  EXPECT_EQ(walker.get(), 2U);
  gate_.open();
  // And the walk is given up: nobody waits for another page of it.
  EXPECT_EQ(list("r/0002/"), 2U);
  EXPECT_EQ(pages(), 1U);
}

TEST_F(TreeWalksTest, WhoWaitsForAPageCanBeStopped) {
  put_tree("r/", 10, 2);
  begin_walk();
  gate_.hold(FetchGate::kList, "r/");
  std::stop_source stop;
  auto walker =
      std::async(std::launch::async, [&] { return cache_->list("r/0001/", stop.get_token()); });
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kList));
  gate_.hold(FetchGate::kList, "r/0001/");
  stop.request_stop();
  const auto answer = walker.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kCancelled);
  gate_.open();
}

TEST_F(TreeWalksTest, WhatAPageBringsIsBelievedAsLongAsAnyListing) {
  put_tree("r/", 10, 2);
  begin_walk();
  list("r/0001/");
  ASSERT_TRUE(settled());
  store_.put("r/0005/new", "x");
  clock_.advance(std::chrono::seconds{60} - std::chrono::nanoseconds{1});
  EXPECT_EQ(list("r/0005/"), 2U);
  clock_.advance(std::chrono::nanoseconds{1});
  EXPECT_EQ(list("r/0005/"), 3U);
}

TEST_F(TreeWalksTest, WhatWasForgottenMeanwhileIsNotBroughtBack) {
  put_tree("r/", 10, 2);
  begin_walk();
  gate_.hold(FetchGate::kList, "r/");
  auto walker = std::async(std::launch::async, [&] { return list("r/0001/"); });
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kList));
  cache_->forget("r/0005/0001");
  gate_.open();
  walker.get();
  store_.remove("r/0005/0001");
  clock_.advance(std::chrono::nanoseconds{1});
  EXPECT_EQ(list("r/0005/"), 1U);
}

TEST_F(TreeWalksTest, WhoListsAheadOfAWalkWaitsForItsPages) {
  put_tree("r/", 100, 50);
  begin_walk();
  for (int d = 1; d < 100; ++d) ASSERT_TRUE(cache_->list_ahead("r/" + numbered(d) + "/", {}));
  ASSERT_TRUE(settled());
  EXPECT_GE(pages(), 1U);
}

TEST_F(TreeWalksTest, ChargesTheBudgetAndAsksForNothingWithoutOne) {
  put_tree("r/", 100, 50);
  const TemporaryDirectory directory;
  PrefetchBudgetOptions limits;
  limits.file = directory.path() / "budget";
  limits.per_day.requests = 2;
  PrefetchBudget budget(limits);
  MetadataOptions options;
  options.budget = &budget;
  start(options);
  std::vector<std::string> found;
  ASSERT_TRUE(find(*cache_, "r/", found));
  EXPECT_EQ(found.size(), 5000U);
  EXPECT_EQ(pages(), 2U);
}

TEST_F(TreeWalksTest, CanBeSwitchedOff) {
  put_tree("r/", 10, 2);
  MetadataOptions options;
  options.list_subtrees = false;
  start(options);
  std::vector<std::string> found;
  ASSERT_TRUE(find(*cache_, "r/", found));
  EXPECT_EQ(requests(), 11U);
}

TEST_F(TreeWalksTest, KeysThatAreNoPathsAndMarkersAreListedAsEver) {
  for (const char* key :
       {"r/a/1", "r/a//x", "r/b/", "r/b/../x", "r/c", "r/c/1", "r/d/e/f/g", "r//"}) {
    store_.put(key, "x");
  }
  std::vector<std::string> found;
  ASSERT_TRUE(find(*cache_, "r/", found));
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, all_keys(store_));
}

// Trees at random, walked by several at once over a store that fails now and then: each listing
// that is given is what the store holds.
TEST(TreeWalksModel, EachListingIsWhatTheStoreHolds) {
  const Seeds tried = seeds(30);
  for (std::uint64_t seed = tried.first; seed < tried.end(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    MemoryStore store;
    for (int i = 0; i < 3000; ++i) {
      std::string key = "r/";
      for (auto depth = random() % 4; depth > 0; --depth) key += std::to_string(random() % 9) + "/";
      store.put(key + std::to_string(random() % 100), "x");
    }
    const auto expected = all_keys(store);
    FaultyStore faulty(store, {.unavailable = random() % 2 == 0 ? 0 : 0.02}, seed);
    MetadataOptions options;
    options.entries_max = random() % 2 == 0 ? 1'000'000 : 2000;
    MetadataCache cache(options, faulty);
    std::vector<std::jthread> walkers;
    for (int i = 0; i < 3; ++i) {
      walkers.emplace_back([&] {
        std::vector<std::string> found;
        if (!find(cache, "r/", found)) return;
        std::sort(found.begin(), found.end());
        EXPECT_EQ(found, expected);
      });
    }
  }
}

}  // namespace
}  // namespace augurfs
