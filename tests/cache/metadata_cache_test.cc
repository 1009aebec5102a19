#include "cache/metadata_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

std::vector<std::string> keys(const Listing& listing) {
  std::vector<std::string> keys;
  for (const auto& object : listing.objects) keys.push_back(object.version.key);
  return keys;
}

TEST_F(MetadataCacheTest, ListsTheChildrenOfAPrefix) {
  for (const char* key : {"d/b", "d/a", "d/sub/x", "d/sub/y", "e", "d", "dd"}) store_.put(key, "x");
  const auto listing = list("d/");
  EXPECT_EQ(keys(*listing), (std::vector<std::string>{"d/a", "d/b"}));
  EXPECT_EQ(listing->prefixes, std::vector<std::string>{"d/sub/"});
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

TEST_F(MetadataCacheTest, ListsEveryPageOfALargeDirectoryOnce) {
  put_many("d/", 50'000);
  EXPECT_EQ(requests_of([&] {
              EXPECT_EQ(list("d/")->objects.size(), 50'000);
              EXPECT_EQ(list("d/")->objects.size(), 50'000);
              EXPECT_EQ(lookup("d/", "049999"), "o");
              EXPECT_EQ(lookup("d/", "050000"), "");
            }),
            50);
}

TEST_F(MetadataCacheTest, ConcurrentLookupsShareOneRequest) {
  store_.put("d/a", "x");
  gate_.hold(FetchGate::kList);
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [&] { return lookup("d/", "a"); }));
  }
  ASSERT_TRUE(gate_.wait_until_held(FetchGate::kList));
  gate_.open();
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "o");
  EXPECT_EQ(requests(), 1);
}

}  // namespace
}  // namespace augurfs
