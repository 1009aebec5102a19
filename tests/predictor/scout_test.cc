#include "predictor/scout.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "support/eventually.h"

namespace augurfs {
namespace {

Result<std::shared_ptr<const Listing>> nothing() { return std::make_shared<const Listing>(); }

TEST(Scout, ListsWhatItIsAskedForAndSaysForWhom) {
  Guarded<std::vector<ListingWanted>> found;
  Scout scout(
      [](const std::string& prefix,
         const std::stop_token&) -> Result<std::shared_ptr<const Listing>> {
        auto listing = std::make_shared<Listing>();
        listing->prefixes.push_back(prefix + "x/");
        return std::shared_ptr<const Listing>(std::move(listing));
      },
      [&](const ListingWanted& wanted, const std::shared_ptr<const Listing>& listing) {
        EXPECT_EQ(listing->prefixes.front(), wanted.prefix + "x/");
        found.lock()->push_back(wanted);
      });
  EXPECT_TRUE(scout.ask({"d/", 7, 8}));
  ASSERT_TRUE(eventually([&] { return found.lock()->size() == 1; }));
  EXPECT_EQ(found.lock()->front().prefix, "d/");
  EXPECT_EQ(found.lock()->front().stream, 7U);
  EXPECT_EQ(found.lock()->front().program, 8U);
}

TEST(Scout, OneThatFailsIsForgotten) {
  std::atomic<int> found = 0;
  Scout scout(
      [](const std::string& prefix,
         const std::stop_token&) -> Result<std::shared_ptr<const Listing>> {
        if (prefix == "bad/") return Error{ErrorCode::kUnavailable, "no"};
        return nothing();
      },
      [&](const ListingWanted& wanted, const std::shared_ptr<const Listing>&) {
        EXPECT_EQ(wanted.prefix, "good/");
        ++found;
      });
  scout.ask({"bad/"});
  scout.ask({"good/"});
  EXPECT_TRUE(eventually([&] { return found == 1; }));
}

TEST(Scout, IsBoundedAndEndsWithoutWaitingForTheStore) {
  std::atomic<int> begun = 0;
  {
    Scout scout(
        [&](const std::string&,
            const std::stop_token& stop) -> Result<std::shared_ptr<const Listing>> {
          ++begun;
          std::latch asked_to_stop(1);
          const std::stop_callback on_stop(stop, [&] { asked_to_stop.count_down(); });
          asked_to_stop.wait();
          return Error{ErrorCode::kCancelled, "stopped"};
        },
        [](const ListingWanted&, const std::shared_ptr<const Listing>&) { FAIL(); });
    for (int i = 0; i < Scout::kThreads; ++i) EXPECT_TRUE(scout.ask({"d/"}));
    ASSERT_TRUE(eventually([&] { return begun == Scout::kThreads; }));
    for (std::size_t i = 0; i < Scout::kWaitingMax; ++i) EXPECT_TRUE(scout.ask({"d/"}));
    EXPECT_FALSE(scout.ask({"d/"}));
  }
  EXPECT_EQ(begun, Scout::kThreads);
}

}  // namespace
}  // namespace augurfs
