#include "predictor/recollection.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "predictor/brain/protocol.h"
#include "support/profile_rows.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

class RecollectionTest : public testing::Test {
 protected:
  RecollectionTest() {
    auto history = History::open({.file = directory_.path() / kHistoryFile,
                                  .profile_bytes_max = 1 << 20,
                                  .background = false});
    if (!history) throw std::runtime_error(history.error().message);
    history_ = std::move(*history);
    past_ = std::make_unique<Recollection>(*history_);
  }

  void remember(const std::string& key, Operation operation = Operation::kOpen) {
    Event event;
    event.time = std::chrono::steady_clock::now();
    event.operation = operation;
    event.stream = 5;
    event.object_bytes = 100;
    history_->add(event, key, "/usr/bin/cat");
  }
  // All that a brain is told from now on.
  std::vector<DaemonRecord> told() {
    std::vector<DaemonRecord> all;
    for (std::string packet = past_->next(); !packet.empty(); packet = past_->next()) {
      EXPECT_LE(packet.size(), kPacketBytesMax);
      const auto records = decode_for_brain(packet);
      EXPECT_TRUE(records) << records.error().message;
      if (records) all.insert(all.end(), records->begin(), records->end());
    }
    return all;
  }
  static std::size_t events(const std::vector<DaemonRecord>& records) {
    std::size_t count = 0;
    for (const DaemonRecord& record : records) count += std::holds_alternative<Event>(record);
    return count;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<History> history_;
  std::unique_ptr<Recollection> past_;
};

TEST_F(RecollectionTest, AnEventIsToldAsPastWithWhatItIsAbout) {
  remember("d/a");
  past_->begin();
  const auto records = told();
  ASSERT_EQ(records.size(), 2U);
  const auto& object = std::get<ObjectNews>(records[0]);
  EXPECT_EQ(object.key, "d/a");
  EXPECT_EQ(object.bytes, 100U);
  const auto& event = std::get<Event>(records[1]);
  EXPECT_TRUE(event.past);
  EXPECT_EQ(event.operation, Operation::kOpen);
  EXPECT_EQ(event.object, object_id("d/a"));
  EXPECT_EQ(event.program, program_id("cat"));
  EXPECT_NE(event.stream, 0U);
  EXPECT_LE(event.time, std::chrono::steady_clock::now() + std::chrono::seconds{1});
  EXPECT_GE(event.time, std::chrono::steady_clock::now() - std::chrono::hours{1});
}

TEST_F(RecollectionTest, AnObjectIsToldOnceInEachLifeOfABrain) {
  for (int i = 0; i < 3; ++i) remember("a");
  for (int life = 0; life < 2; ++life) {
    past_->begin();
    const auto records = told();
    EXPECT_EQ(records.size(), 4U);
    EXPECT_EQ(events(records), 3U);
  }
}

TEST_F(RecollectionTest, WhatHappensWhileItTellsIsNoPast) {
  remember("a");
  past_->begin();
  remember("b");
  EXPECT_EQ(events(told()), 1U);
  past_->begin();
  EXPECT_EQ(events(told()), 2U);
}

TEST_F(RecollectionTest, OnlyTheNewestAreTold) {
  for (std::size_t i = 0; i < Recollection::kEventsMax + 1000; ++i) {
    remember(i < 1000 ? "old" : "new");
    if (i % 4096 == 0) {
      ASSERT_TRUE(history_->flush());
    }
  }
  past_->begin();
  EXPECT_EQ(events(told()), Recollection::kEventsMax);
  EXPECT_EQ(past_->key(object_id("new")), "new");
  EXPECT_FALSE(past_->key(object_id("old")));
}

TEST_F(RecollectionTest, KnowsTheKeysOfWhatItHasToldUntilItForgets) {
  remember("d/a");
  remember("d/", Operation::kList);
  EXPECT_FALSE(past_->key(object_id("d/a"))) << "not told yet";
  past_->begin();
  told();
  EXPECT_EQ(past_->key(object_id("d/a")), "d/a");
  EXPECT_FALSE(past_->key(object_id("d/"))) << "a directory is nothing to fetch";
  EXPECT_FALSE(past_->key(object_id("d/b")));
  past_->forget();
  EXPECT_FALSE(past_->key(object_id("d/a")));
  EXPECT_TRUE(told().empty());
}

TEST_F(RecollectionTest, WhatWasImportedIsToldFirstAsOlderThanAllThatWasSeenHere) {
  Profile profile = profile_of({profile_row(0, 1, "dog", "d/b"), profile_row(5, 2, "dog", "d/c")});
  profile.last_day += std::chrono::days{100'000};
  ASSERT_TRUE(history_->import(profile));
  for (int i = 0; i < 1000; ++i) remember("d/a");
  past_->begin();
  const auto records = told();
  ASSERT_EQ(events(records), 1002U);
  std::vector<Event> all;
  for (const DaemonRecord& record : records) {
    if (const auto* event = std::get_if<Event>(&record)) all.push_back(*event);
  }
  EXPECT_EQ(all[0].object, object_id("d/b"));
  EXPECT_EQ(all[0].program, program_id("/bin/dog"));
  EXPECT_TRUE(all[0].past);
  EXPECT_EQ(all[1].object, object_id("d/c"));
  EXPECT_EQ(all[1].time - all[0].time, std::chrono::seconds{5});
  EXPECT_LE(all[1].time, all[2].time);
  EXPECT_NE(all[0].stream, all[1].stream);
  EXPECT_NE(all[0].stream, all[2].stream) << "both are the first of their histories";
  EXPECT_EQ(past_->key(object_id("d/c")), "d/c");
}

TEST_F(RecollectionTest, WhatWasImportedIsToldWhereNothingWasSeenYet) {
  ASSERT_TRUE(history_->import(profile_of({profile_row(0, 1, "dog", "d/b")})));
  past_->begin();
  EXPECT_EQ(events(told()), 1U);
  EXPECT_EQ(past_->key(object_id("d/b")), "d/b");
  ASSERT_TRUE(history_->wipe());
  past_->begin();
  EXPECT_EQ(events(told()), 0U);
}

TEST_F(RecollectionTest, OfAnEmptyHistoryThereIsNothingToTell) {
  past_->begin();
  EXPECT_TRUE(told().empty());
}

}  // namespace
}  // namespace augurfs
