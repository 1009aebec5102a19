#include "cache/listing_cutter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "support/memory_store.h"
#include "support/seeds.h"

namespace augurfs {
namespace {

using Time = std::chrono::steady_clock::time_point;

ListPage page_of(const std::vector<std::string>& keys, const std::string& next = "") {
  ListPage page;
  for (const auto& key : keys) page.objects.push_back({{key, "etag", 1}, {}});
  page.next = next;
  return page;
}

// As a person would write it: "d/: a b sub/".
std::string text(const CutListing& cut) {
  std::string out = cut.prefix + ":";
  for (const auto& object : cut.page.listing.objects) out += " " + object.version.key;
  for (const auto& prefix : cut.page.listing.prefixes) out += " " + prefix;
  return out;
}

std::vector<std::string> texts(const std::vector<CutListing>& cuts) {
  std::vector<std::string> out;
  for (const auto& cut : cuts) {
    out.push_back(text(cut));
    EXPECT_TRUE(cut.page.complete);
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST(ListingCutter, ADirectoryIsCompleteOnceAKeyBeyondItHasCome) {
  ListingCutter cutter("r/", "", 100);
  std::vector<CutListing> complete;
  ASSERT_TRUE(cutter.add(page_of({"r/a/1", "r/a/2"}, "more"), Time{}, complete));
  EXPECT_TRUE(complete.empty());
  ASSERT_TRUE(cutter.add(page_of({"r/a/3", "r/b/c/1"}, "more"), Time{}, complete));
  EXPECT_EQ(texts(complete), Texts{"r/a/: r/a/1 r/a/2 r/a/3"});
  complete.clear();
  ASSERT_TRUE(cutter.add(page_of({"r/z"}), Time{}, complete));
  EXPECT_EQ(texts(complete), (Texts{"r/b/c/: r/b/c/1", "r/b/: r/b/c/", "r/: r/z r/a/ r/b/"}));
}

TEST(ListingCutter, ADirectoryOfWhichTheBeginningWasNotSeenIsLeftOut) {
  ListingCutter cutter("", "a/b/", 100);
  std::vector<CutListing> complete;
  ASSERT_TRUE(cutter.add(page_of({"a/b/1", "a/b/c/1", "a/d/1", "e"}), Time{}, complete));
  EXPECT_EQ(texts(complete), (Texts{"a/b/c/: a/b/c/1", "a/d/: a/d/1"}));
}

TEST(ListingCutter, AMarkerLiesInItsOwnDirectory) {
  ListingCutter cutter("", "", 100);
  std::vector<CutListing> complete;
  ASSERT_TRUE(cutter.add(page_of({"a/", "a//x", "a/b/"}), Time{}, complete));
  EXPECT_EQ(texts(complete), (Texts{"a//: a//x", "a/b/: a/b/", "a/: a/ a// a/b/", ": a/"}));
}

TEST(ListingCutter, EachListingIsAsOldAsItsFirstPage) {
  ListingCutter cutter("", "", 100);
  std::vector<CutListing> complete;
  const Time first{std::chrono::seconds{1}};
  const Time second{std::chrono::seconds{2}};
  ASSERT_TRUE(cutter.add(page_of({"a/1"}, "more"), first, complete));
  ASSERT_TRUE(cutter.add(page_of({"a/2", "b/1"}), second, complete));
  ASSERT_EQ(complete.size(), 3U);
  EXPECT_EQ(complete[0].page.asked, first);
  EXPECT_EQ(complete[1].page.asked, second);
  EXPECT_EQ(complete[2].page.asked, first);
}

TEST(ListingCutter, GivesUpOnWhatItCannotCut) {
  const auto refuses = [](const ListPage& page) {
    ListingCutter cutter("r/", "r/b", 3);
    std::vector<CutListing> complete;
    return !cutter.add(page, Time{}, complete);
  };
  EXPECT_FALSE(refuses(page_of({"r/c", "r/d"})));
  EXPECT_TRUE(refuses(page_of({"r/d", "r/c"}))) << "out of order";
  EXPECT_TRUE(refuses(page_of({"r/b"}))) << "not behind what it was to follow";
  EXPECT_TRUE(refuses(page_of({"s/c"}))) << "not below its root";
  EXPECT_TRUE(refuses(page_of({"r/c/1", "r/c/2", "r/c/3", "r/c/4"}, "more"))) << "too long";
  ListPage with_symlink = page_of({"r/c"});
  with_symlink.left_out = 1;
  EXPECT_TRUE(refuses(with_symlink));
}

// Whatever the keys are and wherever it begins: what it says of a directory is what the store says.
TEST(ListingCutter, SaysWhatAListingOfEachDirectorySays) {
  const Seeds tried = seeds(200);
  for (std::uint64_t seed = tried.first; seed < tried.end(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    MemoryStore store;
    for (int i = 0; i < 60; ++i) {
      std::string key;
      const auto length = 1 + random() % 8;
      for (std::size_t c = 0; c < length; ++c) key += "ab.//0"[random() % 6];
      store.put(key, "x");
    }
    ListRequest request;
    const std::string roots[] = {"", "a/", "b/", "/"};
    request.prefix = roots[random() % 4];
    if (random() % 2 == 0) request.start_after = request.prefix + "b/";
    request.max_keys = static_cast<int>(1 + random() % 20);
    ListingCutter cutter(request.prefix, request.start_after, 1000);
    std::vector<CutListing> complete;
    do {
      const auto page = store.list(request, {});
      ASSERT_TRUE(page);
      ASSERT_TRUE(cutter.add(*page, Time{}, complete));
      request.continuation = page->next;
    } while (!request.continuation.empty());
    for (const auto& cut : complete) {
      ListRequest one;
      one.prefix = cut.prefix;
      one.delimiter = "/";
      const auto page = store.list(one, {});
      ASSERT_TRUE(page && page->next.empty());
      CutListing expected{cut.prefix, {}};
      expected.page.listing.objects = page->objects;
      expected.page.listing.prefixes = page->prefixes;
      EXPECT_EQ(text(cut), text(expected));
    }
  }
}

}  // namespace
}  // namespace augurfs
