#include "predictor/object_finder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <string>

#include "remote/wait.h"
#include "support/eventually.h"

namespace augurfs {
namespace {

Version version_of(const std::string& key) { return {key, "etag of " + key, 10}; }

TEST(ObjectFinder, HandsOutWhatItFoundWithTheCandidate) {
  std::mutex mutex;
  std::set<std::string> found;
  ObjectFinder finder(
      [](const std::string& key, const std::stop_token&) -> Result<std::optional<Version>> {
        if (key == "gone") return std::nullopt;
        if (key == "denied") return Error{ErrorCode::kDenied, "no"};
        return version_of(key);
      },
      [&](const Version& version, const Candidate& candidate) {
        const std::lock_guard lock(mutex);
        EXPECT_EQ(candidate.range.length, version.key.size());
        found.insert(version.etag);
      });
  for (const std::string key : {"a", "gone", "bb", "denied"}) {
    ASSERT_TRUE(finder.ask(key, {.range = {0, key.size()}}));
  }
  ASSERT_TRUE(eventually([&] { return finder.stats().found + finder.stats().not_found == 4; }));
  EXPECT_EQ(finder.stats().not_found, 2U);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return found == std::set<std::string>{"etag of a", "etag of bb"};
  }));
}

TEST(ObjectFinder, AsksSeveralQuestionsAtOnce) {
  // Each waits until all are asked: fewer at once would wait for ever.
  std::latch all(ObjectFinder::kQuestionsAtOnce);
  std::atomic<std::size_t> found = 0;
  ObjectFinder finder(
      [&](const std::string& key, const std::stop_token&) -> Result<std::optional<Version>> {
        all.arrive_and_wait();
        return version_of(key);
      },
      [&](const Version&, const Candidate&) { ++found; });
  for (std::size_t i = 0; i < ObjectFinder::kQuestionsAtOnce; ++i) finder.ask("a", {});
  EXPECT_TRUE(eventually([&] { return found == ObjectFinder::kQuestionsAtOnce; }));
}

TEST(ObjectFinder, MoreQuestionsThanMayWaitAreRefusedAndItEndsInTheMiddleOfThem) {
  ObjectFinder finder(
      [](const std::string&, const std::stop_token& stop) -> Result<std::optional<Version>> {
        wait_until(std::chrono::steady_clock::now() + std::chrono::hours{1}, stop);
        return Error{ErrorCode::kCancelled, "cancelled"};
      },
      [](const Version&, const Candidate&) { FAIL(); });
  std::size_t asked = 0;
  while (finder.ask("a", {})) ++asked;
  EXPECT_GE(asked, ObjectFinder::kWaitingMax);
  EXPECT_LE(asked, ObjectFinder::kWaitingMax + ObjectFinder::kQuestionsAtOnce);
}

}  // namespace
}  // namespace augurfs
