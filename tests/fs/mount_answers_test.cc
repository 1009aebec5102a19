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
    file_system_ = std::make_unique<FileSystem>(FileSystemOptions{}, *cache_, nullptr);
    history_ = std::move(
        History::open({.file = directory_.path() / "history.db", .background = false}).value());
    answers_ = mount_answers(*cache_, *file_system_, prefetcher_, reading_list_, ledger_, shadow_,
                             history_.get());
  }
  static ShadowOptions shadow_options() {
    ShadowOptions options;
    options.layout = [](const Version& version) { return ChunkLayout{version.size, 4096}; };
    options.is_there = [](const Version&, std::uint32_t) { return false; };
    options.pace = [] { return FetchPace{}; };
    options.bytes_max = 1 << 20;
    return options;
  }
  std::string ask(const std::string& request, const AdminParameters& parameters = {}) {
    const auto answer = answers_.at(request)(parameters);
    return answer ? *answer : "error: " + answer.error().message;
  }

  TemporaryDirectory directory_;
  MemoryStore store_;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<FileSystem> file_system_;
  HintLedger ledger_;
  std::unique_ptr<History> history_;
  Shadow shadow_{shadow_options()};
  Prefetcher prefetcher_{[](const Version&, ByteRange, const Foreseen&) { return true; },
                         {},
                         {.shadow = &shadow_, .own_thread = false}};
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

TEST_F(MountAnswersTest, InShadowNothingIsFetchedAndTheReportTellsOfIt) {
  EXPECT_FALSE(nlohmann::json::parse(ask("/prefetch/report")).contains("shadow"));
  EXPECT_EQ(ask("/prefetch/off"), "");
  EXPECT_EQ(ask("/prefetch/shadow"), "");
  EXPECT_FALSE(pause_left(prefetcher_));
  EXPECT_TRUE(prefetcher_.in_shadow());
  const auto account = ledger_.account(ExpertId::kPpm, "/bin/cat", "d/");
  EXPECT_TRUE(shadow_.prefetch({"d/a", "", 5}, {0, 5}, {.account = account}));
  shadow_.waited(std::chrono::seconds{2});
  const auto json = nlohmann::json::parse(ask("/prefetch/report", {{"by", "exe"}}));
  EXPECT_TRUE(json["lines"].empty());
  EXPECT_EQ(json["shadow"]["lines"][0]["name"], "/bin/cat");
  EXPECT_EQ(json["shadow"]["total"]["resident_bytes"], 5);
  EXPECT_EQ(json["shadow"]["waited_seconds"], 2);
  EXPECT_EQ(ask("/prefetch/pause", {{"seconds", "600"}}), "");
  EXPECT_TRUE(prefetcher_.in_shadow()) << "it goes on there";
  EXPECT_EQ(ask("/prefetch/on"), "");
  EXPECT_FALSE(prefetcher_.in_shadow());
  EXPECT_TRUE(nlohmann::json::parse(ask("/prefetch/report")).contains("shadow")) << "still told";
}

TEST_F(MountAnswersTest, APauseWithoutATimeIsRefused) {
  EXPECT_EQ(ask("/prefetch/pause"), "error: seconds is no number");
  EXPECT_EQ(ask("/prefetch/pause", {{"seconds", "-1"}}), "error: seconds is no number");
  EXPECT_EQ(ask("/prefetch/pause", {{"seconds", "18446744073709551615"}}),
            "error: seconds is no number");
  EXPECT_EQ(ask("/prefetch/pause", {{"seconds", "9223372036854775807"}}), "") << "bounded";
}

TEST_F(MountAnswersTest, AFileIsExplainedByItsInode) {
  const Version version = store_.put("a", "bytes");
  const auto found = file_system_->lookup(kRootInode, "a", {});
  ASSERT_TRUE(found);
  const auto inode = std::to_string(static_cast<std::uint64_t>(found->inode));
  const auto account = ledger_.account(ExpertId::kPpm, "/bin/cat", "");
  ASSERT_TRUE(
      cache_->reader().prefetch(version, {0, 5}, {.account = account, .probability = 0.5F}));
  while (!cache_->reader().cached(version, {0, 5})) std::this_thread::yield();
  const auto json = nlohmann::json::parse(ask("/explain", {{"inode", inode}}));
  EXPECT_EQ(json["key"], "a");
  ASSERT_EQ(json["ranges"].size(), 1U);
  EXPECT_EQ(json["ranges"][0]["expert"], "ppm");
  EXPECT_EQ(json["ranges"][0]["probability"], 0.5);
  EXPECT_EQ(json["ranges"][0]["outcome"], "resident");
}

TEST_F(MountAnswersTest, WhatIsNoFileIsNotExplained) {
  EXPECT_EQ(ask("/explain"), "error: inode is no number");
  for (const char* inode : {"0", "1", "77"}) {
    EXPECT_EQ(ask("/explain", {{"inode", inode}}), "error: the mount knows no such file");
  }
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
  answers_ =
      mount_answers(*cache_, *file_system_, prefetcher_, reading_list_, ledger_, shadow_, nullptr);
  for (const char* request : {"/history/show", "/history/export", "/history/wipe"}) {
    EXPECT_NE(ask(request).find("keeps no history"), std::string::npos) << request;
  }
}

TEST_F(MountAnswersTest, AReportIsByExpertProgramOrDirectory) {
  const Version version = store_.put("d/a", "bytes");
  const auto account = ledger_.account(ExpertId::kReadahead, "/bin/cat", "d/");
  ASSERT_TRUE(cache_->reader().prefetch(version, {0, 5}, {.account = account}));
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
