#include "cache/range_lister.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

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

Listed list(ObjectStore& store, int page_keys, int helpers, std::size_t entries_max = 1'000'000) {
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
  RangeLister lister(begun, first->next, entries_max, ask);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < helpers; ++i) threads.emplace_back([&] { lister.help(); });
    out.rest = lister.lead();
  }
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

TEST(RangeLister, AsksForSeveralRangesAtOnce) {
  MemoryStore store;
  FetchGate gate(store);
  for (int i = 10'000; i < 14'000; ++i) store.put("d/" + std::to_string(i), "x");
  const auto page = store.list({.prefix = "d/"}, {});
  ASSERT_TRUE(page);
  RangeLister lister({.objects = page->objects}, page->next, 100'000,
                     [&](const std::string& after, const std::string& next) {
                       return gate.list(
                           {.prefix = "d/", .start_after = after, .continuation = next}, {});
                     });
  gate.hold(FetchGate::kList);
  std::jthread helper([&] { lister.help(); });
  std::jthread leader([&] { EXPECT_TRUE(lister.lead()); });
  EXPECT_TRUE(gate.wait_until_held(FetchGate::kList, 2));
  gate.open();
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

TEST(RangeLister, WhoHelpsTooLateDoesNoHarm) {
  MemoryStore store;
  for (int i = 10'000; i < 12'000; ++i) store.put("d/" + std::to_string(i), "x");
  const auto page = store.list({.prefix = "d/"}, {});
  ASSERT_TRUE(page);
  RangeLister lister({.objects = page->objects}, page->next, 100'000,
                     [&](const std::string& after, const std::string& next) {
                       return store.list(
                           {.prefix = "d/", .start_after = after, .continuation = next}, {});
                     });
  ASSERT_TRUE(lister.lead());
  lister.help();
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
