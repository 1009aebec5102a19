#include "fs/mount_answers.h"

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "support/memory_store.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

class MountAnswersTest : public testing::Test {
 protected:
  MountAnswersTest() {
    CacheOptions options;
    options.directory = directory_.path() / "cache";
    options.size_bytes_max = 256 << 20;
    cache_ = std::move(Cache::open(options, store_).value());
    history_ = std::move(
        History::open({.file = directory_.path() / "history.db", .background = false}).value());
    answers_ = mount_answers(*cache_, prefetcher_, reading_list_, ledger_, history_.get());
  }
  std::string ask(const std::string& request, const AdminParameters& parameters = {}) {
    const auto answer = answers_.at(request)(parameters);
    return answer ? *answer : "error: " + answer.error().message;
  }

  TemporaryDirectory directory_;
  MemoryStore store_;
  std::unique_ptr<Cache> cache_;
  HintLedger ledger_;
  std::unique_ptr<History> history_;
  Prefetcher prefetcher_{
      [](const Version&, ByteRange, std::uint32_t) { return true; }, {}, {.own_thread = false}};
  ReadingList reading_list_;
  AdminAnswers answers_;
};

TEST_F(MountAnswersTest, PrefetchIsSwitchedOffOnAndPaused) {
  EXPECT_FALSE(pause_left(prefetcher_));
  EXPECT_EQ(ask("/prefetch/off"), "");
  EXPECT_EQ(pause_left(prefetcher_), std::chrono::seconds::max());
  EXPECT_EQ(ask("/prefetch/pause", {{"seconds", "600"}}), "");
  ASSERT_TRUE(pause_left(prefetcher_));
  EXPECT_LE(*pause_left(prefetcher_), std::chrono::seconds(600));
  EXPECT_GT(*pause_left(prefetcher_), std::chrono::seconds(0));
  EXPECT_EQ(ask("/prefetch/on"), "");
  EXPECT_FALSE(pause_left(prefetcher_));
  EXPECT_EQ(ask("/prefetch/pause", {{"seconds", "0"}}), "");
  EXPECT_FALSE(pause_left(prefetcher_));
}

TEST_F(MountAnswersTest, APauseWithoutATimeIsRefused) {
  EXPECT_EQ(ask("/prefetch/pause"), "error: seconds is no number");
  EXPECT_EQ(ask("/prefetch/pause", {{"seconds", "-1"}}), "error: seconds is no number");
  EXPECT_EQ(ask("/prefetch/pause", {{"seconds", "18446744073709551615"}}),
            "error: seconds is no number");
  EXPECT_EQ(ask("/prefetch/pause", {{"seconds", "9223372036854775807"}}), "") << "bounded";
}

TEST_F(MountAnswersTest, TheHistoryIsShownExportedAndWiped) {
  Event event;
  event.time = std::chrono::steady_clock::now();
  event.operation = Operation::kOpen;
  history_->add(event, "a", "");
  EXPECT_EQ(ask("/history/show").substr(0, 8), "1 events");
  EXPECT_EQ(ask("/history/export", {{"after", "0"}, {"origin", "0"}}),
            "end\n0.000000,,,open,a,,,0\n");
  EXPECT_EQ(ask("/history/export"), "error: after is no number");
  EXPECT_EQ(ask("/history/wipe"), "");
  EXPECT_EQ(ask("/history/show"), "the history is empty\n");
}

TEST_F(MountAnswersTest, WithoutAHistoryItIsSaid) {
  answers_ = mount_answers(*cache_, prefetcher_, reading_list_, ledger_, nullptr);
  for (const char* request : {"/history/show", "/history/export", "/history/wipe"}) {
    EXPECT_NE(ask(request).find("keeps no history"), std::string::npos) << request;
  }
}

TEST_F(MountAnswersTest, AReportIsByExpertProgramOrDirectory) {
  const Version version = store_.put("d/a", "bytes");
  const auto account = ledger_.account(ExpertId::kReadahead, "/bin/cat", "d/");
  ASSERT_TRUE(cache_->reader().prefetch(version, {0, 5}, account));
  while (!cache_->reader().cached(version, {0, 5})) std::this_thread::yield();
  for (const auto& [by, name] :
       {std::pair{"expert", "readahead"}, std::pair{"exe", "/bin/cat"}, std::pair{"dir", "d/"}}) {
    const auto json = nlohmann::json::parse(ask("/prefetch/report", {{"by", by}}));
    ASSERT_EQ(json["lines"].size(), 1U);
    EXPECT_EQ(json["lines"][0]["name"], name);
    EXPECT_EQ(json["total"]["resident_bytes"], 5);
  }
  EXPECT_NE(ask("/prefetch/report", {{"by", "x"}}).find("error"), std::string::npos);
}

}  // namespace
}  // namespace augurfs
