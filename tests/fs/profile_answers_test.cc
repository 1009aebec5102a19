#include "fs/profile_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "predictor/profile_file.h"
#include "support/memory_store.h"
#include "support/profile_rows.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ProfileAnswersTest : public testing::Test {
 protected:
  ProfileAnswersTest() {
    CacheOptions options;
    options.directory = directory_.path() / "cache";
    options.size_bytes_max = 256 << 20;
    cache_ = std::move(Cache::open(options, store_).value());
    history_ = std::move(History::open({.file = directory_.path() / kHistoryFile,
                                        .profile_bytes_max = kProfileBytesMax,
                                        .background = false})
                             .value());
    prefetcher_ = std::make_unique<Prefetcher>(
        [](const Version&, ByteRange, const Foreseen&) { return true; },
        std::vector<std::unique_ptr<Expert>>{},
        PrefetcherOptions{.history = history_.get(), .own_thread = false});
    file_system_ =
        std::make_unique<FileSystem>(FileSystemOptions{.prefix = "p/"}, *cache_, prefetcher_.get());
    answers_ = profile_answers(*file_system_, *prefetcher_, history_.get(),
                               {.url = "s3://here/p", .prefix = "p/"});
  }
  std::string ask(const std::string& request, const AdminParameters& parameters = {}) {
    const auto answer = answers_.at(request)(parameters);
    return answer ? *answer : "error: " + answer.error().message;
  }
  static std::vector<std::string> told(const std::string& bytes) {
    const auto profile = unpack(bytes, "f");
    return profile ? lines(*profile) : std::vector{profile.error().message};
  }
  void seen(const std::string& key, bool recorded = false) {
    Event event;
    event.time = std::chrono::steady_clock::now();
    event.operation = Operation::kOpen;
    event.stream = 5;
    event.object_bytes = 7;
    event.recorded = recorded;
    history_->add(event, key, "/bin/cat");
  }

  TemporaryDirectory directory_;
  MemoryStore store_;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<History> history_;
  std::unique_ptr<Prefetcher> prefetcher_;
  std::unique_ptr<FileSystem> file_system_;
  AdminAnswers answers_;
};

TEST_F(ProfileAnswersTest, AnExportIsWhatWasImportedAndThenWhatWasSeen) {
  const Profile profile = profile_of({profile_row(0, 1, "dog", "a")});
  EXPECT_EQ(ask("/profile/import", {{"body", pack(profile).value()}, {"name", "f"}}),
            "1 accesses imported; 1 are kept of all imports\n");
  seen("p/b");
  seen("other/c");
  EXPECT_THAT(told(ask("/profile/export")),
              ElementsAre("0 1 dog 0 a 0+0 100", "60000000 2 cat 0 b 0+0 7"));
  EXPECT_THAT(told(ask("/profile/export", {{"programs", "cat"}})),
              ElementsAre("0 1 cat 0 b 0+0 7"));
  EXPECT_THAT(told(ask("/profile/export", {{"under", "a"}})), ElementsAre("0 1 dog 0 a 0+0 100"));
  EXPECT_THAT(told(ask("/profile/export", {{"seconds", "3600"}})),
              ElementsAre("0 1 cat 0 b 0+0 7"));
  EXPECT_EQ(ask("/profile/export", {{"seconds", "x"}}), "error: seconds is no number");
  EXPECT_EQ(unpack(ask("/profile/export"), "f")->source, "");
  EXPECT_EQ(unpack(ask("/profile/export", {{"source", "1"}}), "f")->source, "s3://here/p");
}

TEST_F(ProfileAnswersTest, WhatIsRefusedLeavesNothing) {
  Profile profile = profile_of({profile_row(0, 1, "dog", "a")});
  profile.source = "s3://there";
  const std::string bytes = pack(profile).value();
  EXPECT_THAT(ask("/profile/import", {{"body", bytes}, {"name", "f"}}),
              HasSubstr("error: f: made on s3://there, and this mount is of s3://here/p"));
  EXPECT_THAT(ask("/profile/import", {{"body", bytes.substr(9)}, {"name", "f"}}),
              HasSubstr("error: f"));
  EXPECT_THAT(ask("/profile/import"), HasSubstr("no profile"));
  EXPECT_TRUE(history_->imported().rows.empty());
  ask("/profile/import", {{"body", bytes}, {"name", "f"}, {"force", "1"}});
  EXPECT_EQ(history_->imported().rows.at(0).path, "p/a");
}

TEST_F(ProfileAnswersTest, ARecordingIsOfWhatWasMarkedSinceItBegan) {
  const AdminParameters us{{"process", std::to_string(::getpid())}};
  seen("p/before", true);
  EXPECT_EQ(ask("/profile/record/end"), "error: nothing is being recorded");
  EXPECT_EQ(ask("/profile/record/begin", us), "");
  seen("p/a", true);
  seen("p/b", false);
  EXPECT_THAT(ask("/profile/record/begin", us), HasSubstr("error: a recording is under way"));
  EXPECT_THAT(told(ask("/profile/record/end")), ElementsAre("0 1 cat 0 a 0+0 7"));
  EXPECT_EQ(ask("/profile/record/begin", us), "");
  EXPECT_THAT(told(ask("/profile/record/end")), ElementsAre());
  EXPECT_EQ(ask("/profile/record/begin", {{"process", "0"}}), "error: process is no number");
  EXPECT_EQ(ask("/profile/record/begin"), "error: process is no number");
}

TEST_F(ProfileAnswersTest, ARecordingOfAProcessThatIsGoneIsOver) {
  const std::string nobody = std::to_string(INT32_MAX);
  EXPECT_EQ(ask("/profile/record/begin", {{"process", nobody}}), "");
  EXPECT_EQ(ask("/profile/record/begin", {{"process", nobody}}), "");
}

TEST_F(ProfileAnswersTest, WithoutAHistoryAllIsRefused) {
  for (const auto& [request, answer] : profile_answers(*file_system_, *prefetcher_, nullptr, {})) {
    EXPECT_THAT(answer({}).error().message, HasSubstr("keeps no history")) << request;
  }
}

}  // namespace
}  // namespace augurfs
