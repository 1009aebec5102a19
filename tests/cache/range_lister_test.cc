#include "cache/range_lister.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <semaphore>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/eventually.h"
#include "support/faulty_store.h"
#include "support/fetch_gate.h"
#include "support/memory_store.h"
#include "support/seeds.h"

namespace augurfs {
namespace {

// Lists "d/" page by page until `pages` have come, and the rest by ranges with helpers.
struct Listed {
  Result<std::vector<ListPage>> rest = std::vector<ListPage>();
  std::set<std::string> entries;
};

Listed list(ObjectStore& store, int page_keys, std::size_t helpers,
            std::size_t entries_max = 1'000'000) {
  const auto ask = [&](const std::string& after, const std::string& continuation) {
    ListRequest request;
    request.prefix = "d/";
    request.delimiter = "/";
    request.max_keys = page_keys;
    request.start_after = continuation.empty() ? after : "";
    request.continuation = continuation;
    return store.list(request, {});
  };
  Listed out;
  const auto first = ask("", "");
  if (!first) return {.rest = first.error()};
  Listing begun{.objects = first->objects, .prefixes = first->prefixes};
  const auto add = [&](const ListPage& page) {
    for (const auto& object : page.objects) {
      EXPECT_TRUE(out.entries.insert(object.version.key).second) << object.version.key << " twice";
    }
    out.entries.insert(page.prefixes.begin(), page.prefixes.end());
  };
  add(*first);
  if (first->next.empty()) return out;
  WorkerPool workers(helpers);
  out.rest = std::make_shared<RangeLister>(begun, first->next, entries_max, ask, workers)->lead();
  if (!out.rest) return out;
  for (const ListPage& page : *out.rest) add(page);
  return out;
}

TEST(RangeLister, ListsAllWithAFewRequestsMoreThanPages) {
  MemoryStore store;
  for (int i = 100'000; i < 140'000; ++i) store.put("d/file-" + std::to_string(i), "x");
  const Listed listed = list(store, 1000, 4);
  ASSERT_TRUE(listed.rest) << listed.rest.error().message;
  EXPECT_EQ(listed.entries.size(), 40'000U);
  EXPECT_LE(store.stats().requests, 40 + RangeLister::kSplits + 4);
}

// A directory of `count` names whose first page has come, and a gate before the rest.
class RangeListerTest : public testing::Test {
 protected:
  std::shared_ptr<RangeLister> begin(int count, WorkerPool& workers) {
    for (int i = 0; i < count; ++i) store_.put("d/" + std::to_string(100'000 + i).substr(1), "x");
    const auto page = store_.list({.prefix = "d/"}, {});
    EXPECT_TRUE(page);
    const auto ask = [this](const std::string& after, const std::string& next) {
      if (++asked_ == hold_from_) gate_.hold(FetchGate::kList);
      return gate_.list({.prefix = "d/", .start_after = after, .continuation = next}, {});
    };
    return std::make_shared<RangeLister>(Listing{.objects = page->objects}, page->next, 1'000'000,
                                         ask, workers);
  }

  MemoryStore store_;
  FetchGate gate_{store_};
  std::atomic<int> asked_ = 0;
  int hold_from_ = 1;
};

TEST_F(RangeListerTest, AsksForSeveralRangesAtOnce) {
  WorkerPool workers(1);
  const auto lister = begin(4000, workers);
  std::jthread leader([&] { EXPECT_TRUE(lister->lead()); });
  EXPECT_TRUE(gate_.wait_until_held(FetchGate::kList, 2));
  gate_.open();
}

TEST_F(RangeListerTest, AWorkerThatFindsNothingToDivideIsFree) {
  WorkerPool workers(2);
  const auto lister = begin(4000, workers);
  std::jthread leader([&] { EXPECT_TRUE(lister->lead()); });
  // After one page one guess is allowed, and it is on its way.
  EXPECT_TRUE(gate_.wait_until_held(FetchGate::kList, 2));
  std::atomic<bool> done = false;
  workers.ask([&](const std::stop_token&) { done = true; });
  EXPECT_TRUE(eventually([&] { return done.load(); }));
  gate_.open();
}

TEST_F(RangeListerTest, WorkersAreAskedForAgainWhenMoreMayBeDivided) {
  WorkerPool workers(RangeLister::kHelpersMax);
  hold_from_ = 12;
  const auto lister = begin(100'000, workers);
  std::jthread leader([&] { EXPECT_TRUE(lister->lead()); });
  EXPECT_TRUE(gate_.wait_until_held(FetchGate::kList, 1 + RangeLister::kHelpersMax));
  gate_.open();
}

TEST_F(RangeListerTest, AWorkerThatComesTooLateDoesNoHarm) {
  std::binary_semaphore busy(0);
  WorkerPool workers(1);
  workers.ask([&](const std::stop_token&) { busy.acquire(); });
  hold_from_ = 0;
  ASSERT_TRUE(begin(4000, workers)->lead());
  busy.release();
  std::atomic<bool> done = false;
  workers.ask([&](const std::stop_token&) { done = true; });
  EXPECT_TRUE(eventually([&] { return done.load(); }));
  EXPECT_EQ(asked_, 3);
}

TEST(RangeLister, AnErrorOfOneIsTheErrorOfAll) {
  MemoryStore store;
  for (int i = 10'000; i < 20'000; ++i) store.put("d/" + std::to_string(i), "x");
  FaultyStore faulty(store, {.unavailable = 0.3}, 7);
  const Listed listed = list(faulty, 100, 4);
  ASSERT_FALSE(listed.rest);
  EXPECT_EQ(listed.rest.error().code, ErrorCode::kUnavailable);
}

TEST(RangeLister, TooManyEntriesAreAnError) {
  MemoryStore store;
  for (int i = 10'000; i < 20'000; ++i) store.put("d/" + std::to_string(i), "x");
  const Listed listed = list(store, 100, 4, 5000);
  ASSERT_FALSE(listed.rest);
  EXPECT_EQ(listed.rest.error().code, ErrorCode::kNoSpace);
}

// Names of many kinds, directories among them, pages of any length: each entry once.
TEST(RangeLister, EachEntryOnceWhateverTheNames) {
  const Seeds tried = seeds(60);
  for (std::uint64_t seed = tried.first; seed < tried.end(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    MemoryStore store;
    std::set<std::string> expected;
    const std::string bytes[] = {"0123456789", "0123456789abcdef", "aZ-._~ /", "/a\xc3\xa9"};
    const std::string& alphabet = bytes[random() % 4];
    const std::string stem = random() % 2 == 0 ? "d/" : "d/some-stem-00";
    for (int i = 0; i < 2000; ++i) {
      std::string name;
      for (auto length = 1 + random() % 7; length > 0; --length) {
        name += alphabet[random() % alphabet.size()];
      }
      const std::string key = (random() % 10 == 0 ? "d/" : stem) + name;
      store.put(key, "x");
      expected.insert(key.substr(0, std::min(key.find('/', 2), key.size() - 1) + 1));
    }
    const Listed listed = list(store, static_cast<int>(5 + random() % 100), 3);
    ASSERT_TRUE(listed.rest) << listed.rest.error().message;
    EXPECT_EQ(listed.entries, expected);
  }
}

}  // namespace
}  // namespace augurfs
