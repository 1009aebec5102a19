#include "predictor/reading_list.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "remote/guarded.h"
#include "support/eventually.h"

namespace augurfs {
namespace {

using Strings = std::vector<std::string>;

// Files of 100 bytes, whose keys are their paths.
class ReadingListTest : public testing::Test {
 protected:
  void start(std::uint64_t room_bytes = 1 << 20) {
    list_.start(
        [this](const std::string& path, std::stop_token) -> Result<std::optional<Version>> {
          if (path.starts_with("absent")) return std::nullopt;
          if (path.starts_with("error")) return Error{ErrorCode::kUnavailable, "no"};
          return Version{.key = path, .size = size_};
        },
        [this](const Version& version, ByteRange range) {
          fetched_.lock()->push_back(version.key + " " + std::to_string(range.offset) + "+" +
                                     std::to_string(range.length));
        },
        [room_bytes] { return room_bytes; });
  }

  void see(Operation operation, const std::string& key, ByteRange range = {}) {
    Event event;
    event.operation = operation;
    event.object = object_id(key);
    event.range = range;
    follower_->observe(event, catalog_, candidates_);
  }
  void open(const std::string& key) { see(Operation::kOpen, key); }

  Strings fetched() const { return *fetched_.lock(); }
  bool fetches(const Strings& expected) {
    return eventually([&] { return fetched() == expected; });
  }
  // All that was announced had its turn.
  bool is_through() {
    return eventually([&] {
      const ReadingListStats stats = list_.stats();
      return stats.waiting == 0 &&
             stats.ahead + stats.read + stats.passed + stats.unknown == total_;
    });
  }
  Announcement announce(const std::string& text, char end = '\n') {
    const Announcement said = list_.announce(text, end);
    total_ += said.accepted;
    return said;
  }

  std::uint64_t size_ = 100;
  std::uint64_t total_ = 0;
  Guarded<Strings> fetched_;
  Catalog catalog_;
  std::vector<Candidate> candidates_;
  ReadingList list_;
  std::unique_ptr<Expert> follower_ = list_.follower();
};

TEST_F(ReadingListTest, IsFollowedInItsOrderAndNoFartherThanThereIsRoom) {
  start(250);
  EXPECT_EQ(announce("c\nd/a\nb\nz\ny").accepted, 5U);
  ASSERT_TRUE(fetches({"c 0+100", "d/a 0+100", "b 0+100"}));
  EXPECT_EQ(list_.stats().ahead_bytes, 300U);
  EXPECT_EQ(list_.stats().waiting, 2U);
  open("c");
  ASSERT_TRUE(fetches({"c 0+100", "d/a 0+100", "b 0+100", "z 0+100"}));
  open("d/a");
  ASSERT_TRUE(fetches({"c 0+100", "d/a 0+100", "b 0+100", "z 0+100", "y 0+100"}));
  EXPECT_TRUE(candidates_.empty());
}

TEST_F(ReadingListTest, WhatIsReadLaterInTheListPassesWhatIsBefore) {
  start(250);
  announce("a\nb\nc\nd\ne\nf\n");
  ASSERT_TRUE(fetches({"a 0+100", "b 0+100", "c 0+100"}));
  open("c");
  ASSERT_TRUE(fetches({"a 0+100", "b 0+100", "c 0+100", "d 0+100", "e 0+100", "f 0+100"}));
  const ReadingListStats stats = list_.stats();
  EXPECT_EQ(stats.read, 1U);
  EXPECT_EQ(stats.passed, 2U);
  EXPECT_EQ(stats.ahead_bytes, 300U);
}

TEST_F(ReadingListTest, NoMoreReadsAreAheadThanTheMost) {
  size_ = 0;
  start();
  std::string text;
  for (int i = 0; i < 2000; ++i) text += std::to_string(i) + "\n";
  announce(text);
  ASSERT_TRUE(eventually([&] { return fetched().size() == ReadingList::kReadsAheadMax; }));
  EXPECT_EQ(list_.stats().waiting, 2000 - ReadingList::kReadsAheadMax);
  for (int i = 0; i < 2000; ++i) {
    open(std::to_string(i));
    if (i % 100 == 0) {
      ASSERT_TRUE(eventually([&] {
        return list_.stats().ahead == ReadingList::kReadsAheadMax || list_.stats().waiting == 0;
      }));
    }
  }
  ASSERT_TRUE(is_through());
}

TEST_F(ReadingListTest, PartsOfAFileArePassedByReadingThem) {
  start(25);
  announce("f\t10\t20\nf\t70\t20\nf\t50\t1000\nnext\n");
  ASSERT_TRUE(fetches({"f 10+20", "f 70+20"}));
  open("f");  // says nothing of where it will be read
  EXPECT_EQ(list_.stats().ahead, 2U);
  see(Operation::kRead, "f", {0, 11});
  ASSERT_TRUE(fetches({"f 10+20", "f 70+20", "f 50+25"}));
  see(Operation::kRead, "f", {64, 32});
  see(Operation::kRead, "f", {50, 1});
  ASSERT_TRUE(fetches({"f 10+20", "f 70+20", "f 50+25", "next 0+25"}));
}

TEST_F(ReadingListTest, OfAFileThatIsLargerThanTheRoomTheBeginningIsFetched) {
  size_ = std::uint64_t{10} << 30;
  start(4096);
  announce("large\n");
  EXPECT_TRUE(fetches({"large 0+4096"}));
}

TEST_F(ReadingListTest, WithoutRoomOneIsFetchedAllTheSame) {
  start(0);
  announce("a\nb\n");
  ASSERT_TRUE(fetches({"a 0+1"}));
  open("a");
  EXPECT_TRUE(fetches({"a 0+1", "b 0+1"}));
}

TEST_F(ReadingListTest, WhoReadsFasterThanTheListIsFollowedIsNotWaitedFor) {
  open("a");
  see(Operation::kRead, "part", {0, 10});
  see(Operation::kRead, "part", {10, 90});
  announce("a\nb\npart\t50\t10\nc\n");
  start(1);
  ASSERT_TRUE(fetches({"b 0+1"}));
  open("b");
  ASSERT_TRUE(fetches({"b 0+1", "c 0+1"}));
  EXPECT_EQ(list_.stats().read, 3U);
}

TEST_F(ReadingListTest, WhatTheStoreDoesNotHaveOrDoesNotSayIsCounted) {
  start();
  announce("absent1\na\nerror\nabsent2\nb");
  ASSERT_TRUE(fetches({"a 0+100", "b 0+100"}));
  EXPECT_EQ(list_.stats().unknown, 3U);
}

TEST_F(ReadingListTest, WhatIsNoPathBelowTheMountIsLeftOutAndTheFirstIsNamed) {
  start();
  const Announcement said =
      announce("a\n/etc/passwd\n../x\nb/../c\nb//c\nb/\n\n./d\n./\n" + std::string(4097, 'x'));
  EXPECT_EQ(said.accepted, 2U);
  EXPECT_EQ(said.malformed, 8U);
  EXPECT_EQ(said.no_room, 0U);
  EXPECT_EQ(said.first_malformed, "'/etc/passwd': not below the mount point");
  EXPECT_TRUE(fetches({"a 0+100", "d 0+100"}));
}

TEST_F(ReadingListTest, ANameMayHoldAnythingWhenAZeroByteEndsIt) {
  start();
  using namespace std::string_literals;
  EXPECT_EQ(announce("a\nb\0tab\there\0odd\t1\0\xff\0"s, '\0').accepted, 4U);
  EXPECT_TRUE(fetches({"a\nb 0+100", "tab\there 0+100", "odd\t1 0+100", "\xff 0+100"}));
  EXPECT_EQ(announce("a\0b\n"s).malformed, 1U);
}

TEST_F(ReadingListTest, ItsMemoryIsBounded) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += std::string(100, 'x') + std::to_string(i) + "\n";
  std::uint64_t refused = 0;
  for (int i = 0; i < 20; ++i) refused += announce(text).no_room;
  EXPECT_GT(refused, 0U);
  EXPECT_LE(total_ * 100, ReadingList::kTextBytesMax);
  EXPECT_EQ(list_.stats().waiting, total_);
  list_.clear();
  EXPECT_EQ(list_.stats().waiting, 0U);
  EXPECT_EQ(announce(text).no_room, 0U);
}

TEST_F(ReadingListTest, ClearedItGoesOnWithWhatIsAnnouncedThen) {
  start(1);
  announce("a\nb\nc\n");
  ASSERT_TRUE(fetches({"a 0+1"}));
  list_.clear();
  announce("d\n");
  open("a");
  EXPECT_TRUE(fetches({"a 0+1", "d 0+1"}));
}

TEST_F(ReadingListTest, EndsWhileTheStoreDoesNotAnswer) {
  std::atomic<bool> asked = false;
  ReadingList list;
  list.start(
      [&](const std::string&, std::stop_token stop) -> Result<std::optional<Version>> {
        asked = true;
        while (!stop.stop_requested()) std::this_thread::yield();
        return Error{ErrorCode::kCancelled, "stopped"};
      },
      [](const Version&, ByteRange) {}, [] { return 1; });
  list.announce("a\n");
  EXPECT_TRUE(eventually([&] { return asked.load(); }));
}

TEST_F(ReadingListTest, TheFollowerMayOutliveTheList) {
  std::unique_ptr<Expert> follower;
  {
    ReadingList list;
    follower = list.follower();
  }
  Event event;
  event.operation = Operation::kOpen;
  follower->observe(event, catalog_, candidates_);
  EXPECT_TRUE(candidates_.empty());
}

}  // namespace
}  // namespace augurfs
