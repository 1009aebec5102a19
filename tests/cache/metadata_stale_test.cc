// What a metadata cache knows from an earlier mount, and what it does with it.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cache/listing_file.h"
#include "cache/metadata_cache.h"
#include "support/eventually.h"
#include "support/faulty_store.h"
#include "support/fetch_gate.h"
#include "support/manual_clock.h"
#include "support/memory_store.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr seconds kTtl{60};

class MetadataStaleTest : public testing::Test {
 protected:
  MetadataStaleTest() {
    store_.put("d/a", "x");
    store_.put("d/sub/b", "x");
  }

  // Another mount, some time later.
  void mount(MetadataOptions options, seconds later = {}) {
    cache_.reset();
    file_.reset();
    pass(later);
    ListingFileOptions listings;
    listings.file = directory_.path() / kListingsFile;
    listings.now = clock_.function();
    listings.wall_now = wall_.function();
    file_ = ListingFile::open(listings);
    ASSERT_NE(file_, nullptr);
    options.now = clock_.function();
    options.file = file_.get();
    cache_.emplace(options, gate_);
  }
  void pass(seconds time) {
    clock_.advance(time);
    wall_.advance(time);
  }

  std::size_t list(const std::string& prefix) {
    const auto listing = cache_->list(prefix, {});
    return listing ? (*listing)->objects.size() : 0;
  }
  // "o", "p" or "" as it is; the error's code when it is one.
  std::string lookup(const std::string& name) {
    const auto child = cache_->lookup("d/", name, {});
    if (!child) return to_string(child.error().code);
    return std::string(child->object ? "o" : "") + (child->is_prefix ? "p" : "");
  }
  std::uint64_t requests() const {
    return gate_.counts(FetchGate::kList).calls + gate_.counts(FetchGate::kHead).calls;
  }
  std::uint64_t requests_of(const std::function<void()>& body) const {
    const std::uint64_t before = requests();
    body();
    return requests() - before;
  }
  void go_away() { faulty_.set_rates({.unavailable = 1}); }
  void come_back() { faulty_.set_rates({}); }

  TemporaryDirectory directory_;
  MemoryStore store_;
  FaultyStore faulty_{store_, {}, 1};
  FetchGate gate_{faulty_};
  ManualClock clock_;
  ManualWallClock wall_;
  std::unique_ptr<ListingFile> file_;
  std::optional<MetadataCache> cache_;
};

TEST_F(MetadataStaleTest, AListingOfAnEarlierMountIsBelievedForItsTimeToLive) {
  mount({});
  list("d/");
  mount({}, kTtl - seconds{1});
  store_.put("d/new", "x");
  EXPECT_EQ(requests_of([&] {
              EXPECT_EQ(list("d/"), 1U);
              EXPECT_EQ(lookup("a"), "o");
              EXPECT_EQ(lookup("sub"), "p");
              EXPECT_EQ(lookup("absent"), "");
            }),
            0U);
  pass(seconds{1});
  EXPECT_EQ(lookup("new"), "o");
  EXPECT_EQ(list("d/"), 2U);
  EXPECT_EQ(cache_->stats().recalled, 1U);
  EXPECT_EQ(cache_->stats().stale, 0U);
}

TEST_F(MetadataStaleTest, WhatMemoryHasNoRoomForIsFoundOnDisk) {
  MetadataOptions options;
  options.entries_max = 3;
  mount(options);
  list("d/");
  list("d/sub/");
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(list("d/"), 1U); }), 0U);
}

TEST_F(MetadataStaleTest, WhatWasFoundStaleIsNotBelievedAfterARestart) {
  mount({});
  list("d/");
  store_.put("d/a", "longer");
  cache_->forget("d/a");
  mount({}, seconds{1});
  const auto child = cache_->lookup("d/", "a", {});
  ASSERT_TRUE(child && child->object);
  EXPECT_EQ(child->object->version.size, 6U);
}

TEST_F(MetadataStaleTest, AStoreThatDoesNotAnswerIsAnErrorByDefault) {
  mount({});
  list("d/");
  mount({}, kTtl);
  go_away();
  EXPECT_EQ(lookup("a"), "unavailable");
  EXPECT_FALSE(cache_->list("d/", {}));
  EXPECT_FALSE(cache_->stats().unreachable);
}

TEST_F(MetadataStaleTest, WhileRevalidatingTheOldIsShownAtOnceAndTheNewNext) {
  MetadataOptions options;
  options.stale_while_revalidate = hours{24};
  mount(options);
  list("d/");
  mount(options, hours{3});
  store_.put("d/new", "x");
  gate_.hold(FetchGate::kList);
  EXPECT_EQ(list("d/"), 1U);
  EXPECT_EQ(lookup("new"), "");
  EXPECT_EQ(cache_->stats().stale_age, hours{3});
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kList));
  gate_.open();
  ASSERT_TRUE(eventually([&] { return list("d/") == 2; }));
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(lookup("new"), "o"); }), 0U);
}

TEST_F(MetadataStaleTest, WhileRevalidatingWhatIsOlderThanThatIsAskedForFirst) {
  MetadataOptions options;
  options.stale_while_revalidate = hours{1};
  mount(options);
  list("d/");
  mount(options, hours{1} + kTtl);
  store_.put("d/new", "x");
  EXPECT_EQ(list("d/"), 2U);
  EXPECT_EQ(cache_->stats().stale, 0U);
}

TEST_F(MetadataStaleTest, WhileRevalidatingWhatWasFoundStaleIsAskedForFirst) {
  MetadataOptions options;
  options.stale_while_revalidate = hours{1};
  mount(options);
  list("d/");
  pass(kTtl);
  store_.put("d/a", "longer");
  cache_->forget("d/a");
  const auto child = cache_->lookup("d/", "a", {});
  ASSERT_TRUE(child && child->object);
  EXPECT_EQ(child->object->version.size, 6U);
}

TEST_F(MetadataStaleTest, ATreeIsRevalidatedByPages) {
  MetadataOptions options;
  options.stale_while_revalidate = hours{1};
  for (int i = 10; i < 90; ++i) store_.put("t/" + std::to_string(i) + "/x", "x");
  mount(options);
  const auto walk = [&] {
    list("t/");
    for (int i = 10; i < 90; ++i) EXPECT_EQ(list("t/" + std::to_string(i) + "/"), 1U);
  };
  walk();
  mount(options, hours{1});
  EXPECT_LE(requests_of([&] {
              walk();
              ASSERT_TRUE(eventually([&] {
                pass(seconds{0});
                const auto before = cache_->stats().stale;
                walk();
                return cache_->stats().stale == before;
              }));
            }),
            20U);
}

TEST_F(MetadataStaleTest, OfflineTheOldIsShownAndNobodyWaitsTwice) {
  MetadataOptions options;
  options.stale_if_error = hours{24};
  mount(options);
  list("d/");
  mount(options, hours{3});
  go_away();
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(list("d/"), 1U); }), 1U);
  ASSERT_TRUE(cache_->stats().unreachable);
  EXPECT_EQ(cache_->stats().stale_age, hours{3});
  EXPECT_EQ(requests_of([&] {
              EXPECT_EQ(list("d/"), 1U);
              EXPECT_EQ(lookup("a"), "o");
              EXPECT_EQ(lookup("absent"), "");
            }),
            0U);
  // What is not known is asked for, in vain.
  EXPECT_FALSE(cache_->list("d/sub/", {}));
}

TEST_F(MetadataStaleTest, OfflineTheStoreIsTriedNowAndThenAndBelievedWhenItIsBack) {
  MetadataOptions options;
  options.stale_if_error = hours{24};
  mount(options);
  list("d/");
  mount(options, hours{3});
  go_away();
  list("d/");
  store_.put("d/new", "x");
  come_back();
  EXPECT_EQ(list("d/"), 1U) << "it was tried just now";
  pass(seconds{6});
  EXPECT_EQ(list("d/"), 1U) << "and is tried behind the scenes";
  ASSERT_TRUE(eventually([&] { return !cache_->stats().unreachable; }));
  EXPECT_EQ(list("d/"), 2U);
}

TEST_F(MetadataStaleTest, OfflineWhatIsTooOldIsAnError) {
  MetadataOptions options;
  options.stale_if_error = hours{1};
  mount(options);
  list("d/");
  mount(options, hours{2});
  go_away();
  EXPECT_FALSE(cache_->list("d/", {}));
  EXPECT_EQ(lookup("a"), "unavailable");
}

TEST_F(MetadataStaleTest, AMountThatFoundNoStoreAsksForNothingItKnows) {
  MetadataOptions options;
  options.stale_if_error = hours{24};
  mount(options);
  list("d/");
  mount(options, hours{3});
  go_away();
  cache_->set_unreachable();
  EXPECT_EQ(requests_of([&] { EXPECT_EQ(lookup("a"), "o"); }), 0U);
}

}  // namespace
}  // namespace augurfs
