#include "predictor/readahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace augurfs {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;

// Plays a reader against the expert and keeps what was asked for.
class Player {
 public:
  explicit Player(ReadaheadOptions options = {}, std::uint64_t size = 4 * kGiB)
      : readahead_(options), size_(size) {}

  // What this one read made the expert ask for.
  std::vector<Candidate> read(std::uint64_t offset, std::uint64_t length,
                              std::uint64_t handle = 1) {
    return observe(Operation::kRead, handle, {offset, length});
  }
  std::vector<Candidate> release(std::uint64_t handle) {
    return observe(Operation::kRelease, handle, {});
  }

  // Reads [begin, end) in steps.
  void read_all(std::uint64_t begin, std::uint64_t end, std::uint64_t step = 128 * kKiB) {
    for (std::uint64_t at = begin; at < end; at += step) read(at, std::min(step, end - at));
  }

  void set_size(std::uint64_t size) { size_ = size; }
  void wait(std::chrono::nanoseconds time) { now_ += time; }
  const std::vector<Candidate>& asked() const { return asked_; }
  std::uint64_t asked_bytes() const {
    std::uint64_t bytes = 0;
    for (const Candidate& candidate : asked_) bytes += candidate.range.length;
    return bytes;
  }
  std::uint64_t asked_end() const {
    std::uint64_t end = 0;
    for (const Candidate& c : asked_) end = std::max(end, c.range.offset + c.range.length);
    return end;
  }
  // Bytes that were asked for more than once.
  std::uint64_t repeated_bytes() const {
    std::vector<Candidate> sorted = asked_;
    std::sort(sorted.begin(), sorted.end(), [](const Candidate& a, const Candidate& b) {
      return a.range.offset < b.range.offset;
    });
    std::uint64_t repeated = 0;
    std::uint64_t end = 0;
    for (const Candidate& c : sorted) {
      const std::uint64_t candidate_end = c.range.offset + c.range.length;
      if (c.range.offset < end) repeated += std::min(end, candidate_end) - c.range.offset;
      end = std::max(end, candidate_end);
    }
    return repeated;
  }

 private:
  std::vector<Candidate> observe(Operation operation, std::uint64_t handle, ByteRange range) {
    Event event;
    event.time = now_;
    event.operation = operation;
    event.handle = handle;
    event.object = object_id("object");
    event.object_bytes = size_;
    event.range = range;
    std::vector<Candidate> candidates;
    readahead_.observe(event, catalog_, candidates);
    asked_.insert(asked_.end(), candidates.begin(), candidates.end());
    return candidates;
  }

  Readahead readahead_;
  std::uint64_t size_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours{1}};
  Catalog catalog_;
  std::vector<Candidate> asked_;
};

TEST(Readahead, AReadAtTheStartOfTheObjectStartsASequence) {
  Player player;
  const auto candidates = player.read(0, 128 * kKiB);
  ASSERT_FALSE(candidates.empty());
  EXPECT_EQ(candidates.front().range.offset, 128 * kKiB);
  EXPECT_EQ(candidates.front().object, object_id("object"));
  EXPECT_LE(player.asked_bytes(), 2 * kMiB);
}

TEST(Readahead, APieceIsDueWhenTheReaderComesToItAtItsPace) {
  Player player;
  for (const Candidate& piece : player.read(0, kMiB)) {
    EXPECT_EQ(piece.expected_in.count(), 0) << "nothing is known of the reader";
  }
  std::vector<Candidate> pieces;
  for (std::uint64_t at = kMiB; pieces.empty(); at += kMiB) {  // a second each
    player.wait(std::chrono::seconds{1});
    pieces = player.read(at, kMiB);
    for (const Candidate& piece : pieces) {
      // In the second MiB after one second, so two have come in one.
      const double ahead = static_cast<double>(piece.range.offset - (at + kMiB)) / kMiB;
      const double mib_per_s = static_cast<double>(at / kMiB + 1) / static_cast<double>(at / kMiB);
      EXPECT_NEAR(std::chrono::duration<double>(piece.expected_in).count(), ahead / mib_per_s,
                  1e-6);
    }
  }
  ASSERT_GE(pieces.size(), 2U);
  EXPECT_LT(pieces.front().expected_in, pieces.back().expected_in);
}

TEST(Readahead, ElsewhereTheThirdReadInARowStartsASequence) {
  Player player;
  EXPECT_TRUE(player.read(kGiB, 128 * kKiB).empty());
  EXPECT_TRUE(player.read(kGiB + 128 * kKiB, 128 * kKiB).empty());
  EXPECT_FALSE(player.read(kGiB + 256 * kKiB, 128 * kKiB).empty());
}

TEST(Readahead, TheWindowDoublesUpToItsMaximumWhileTheReaderGoesOn) {
  Player player({.window_bytes_max = 16 * kMiB});
  std::uint64_t ahead_max = 0;
  std::uint64_t before = 0;
  for (std::uint64_t at = 0; at < 256 * kMiB; at += 128 * kKiB) {
    player.read(at, 128 * kKiB);
    const std::uint64_t ahead = player.asked_end() - (at + 128 * kKiB);
    if (ahead > before && at < 4 * kMiB) {
      EXPECT_LE(ahead, 2 * std::max(before, kMiB) + 2 * kMiB);
    }
    if (at > 32 * kMiB) {
      EXPECT_GE(ahead, 8 * kMiB - 128 * kKiB);
    }
    before = ahead;
    ahead_max = std::max(ahead_max, ahead);
  }
  EXPECT_GE(ahead_max, 16 * kMiB);
  EXPECT_LE(ahead_max, 17 * kMiB);
}

TEST(Readahead, ALargeWindowIsAskedForInPiecesThatFlySideBySide) {
  Player player;
  player.read_all(0, kGiB);
  EXPECT_EQ(player.asked().back().range.length, 4 * kMiB);
  for (std::size_t i = 1; i < player.asked().size(); ++i) {
    EXPECT_EQ(player.asked()[i].range.offset % kMiB, 0U) << "two pieces touch one chunk";
  }
}

TEST(Readahead, NoPieceIsTooLargeForTheQueueOfTheCache) {
  Player player({.window_bytes_max = kGiB, .ahead_bytes_max = [] { return 2 * kGiB; }});
  player.read_all(0, 2 * kGiB);
  EXPECT_GE(player.asked_end(), 2 * kGiB + 512 * kMiB);
  for (const Candidate& candidate : player.asked()) EXPECT_LE(candidate.range.length, 4 * kMiB);
}

TEST(Readahead, NothingIsAskedForTwiceNorLeftOut) {
  Player player;
  player.read_all(0, 512 * kMiB);
  EXPECT_EQ(player.repeated_bytes(), 0U);
  EXPECT_EQ(player.asked_bytes(), player.asked_end() - 128 * kKiB);
}

TEST(Readahead, NothingBeyondTheEndIsAskedFor) {
  Player player({}, 10 * kMiB + 17);
  player.read_all(0, 10 * kMiB + 17);
  EXPECT_EQ(player.asked_end(), 10 * kMiB + 17);
  EXPECT_EQ(player.repeated_bytes(), 0U);
}

TEST(Readahead, RandomReadsAskForNothing) {
  for (const std::uint64_t size : {16 * kMiB, 64 * kMiB, kGiB}) {
    Player player({}, size);
    std::mt19937_64 random(size);
    const std::uint64_t pages = size / (4 * kKiB);
    for (int i = 0; i < 2000; ++i) player.read((1 + random() % (pages - 1)) * 4 * kKiB, 4 * kKiB);
    EXPECT_EQ(player.asked_bytes(), 0U) << "size " << size;
  }
}

TEST(Readahead, RandomReadsAfterAHeaderWasteLittle) {
  Player player;
  player.read(0, 4 * kKiB);
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) player.read(random() % kGiB, 4 * kKiB);
  EXPECT_LE(player.asked_bytes(), 64 * kMiB);
}

TEST(Readahead, ReadsThatArriveOutOfOrderDoNotBreakTheSequence) {
  std::vector<std::uint64_t> reads;
  for (std::uint64_t at = 0; at < 512 * kMiB; at += 128 * kKiB) reads.push_back(at);
  std::mt19937_64 random(7);
  for (std::size_t i = 1; i + 8 < reads.size(); ++i) {
    if (random() % 1000 < 15) std::swap(reads[i], reads[i + 1 + random() % 4]);
  }
  Player player;
  for (const std::uint64_t at : reads) player.read(at, 128 * kKiB);
  EXPECT_GE(player.asked_end(), 544 * kMiB) << "the window did not reach its maximum";
  EXPECT_EQ(player.repeated_bytes(), 0U);
}

TEST(Readahead, LargeReadsInFlightTogetherAreOneSequence) {
  std::vector<std::uint64_t> reads;
  for (std::uint64_t at = 0; at < 512 * kMiB; at += kMiB) reads.push_back(at);
  std::mt19937_64 random(7);
  // Four in flight complete in any order.
  for (std::size_t i = 0; i + 4 <= reads.size(); i += 4) {
    std::shuffle(reads.begin() + static_cast<std::ptrdiff_t>(i),
                 reads.begin() + static_cast<std::ptrdiff_t>(i + 4), random);
  }
  Player player;
  for (const std::uint64_t at : reads) player.read(at, kMiB);
  EXPECT_GE(player.asked_end(), 544 * kMiB);
  EXPECT_EQ(player.repeated_bytes(), 0U);
}

TEST(Readahead, ASmallJumpForwardOrBackGoesOn) {
  Player player;
  player.read_all(0, 256 * kMiB);
  const std::uint64_t end = player.asked_end();
  EXPECT_GE(end, 288 * kMiB);
  player.read_all(256 * kMiB - 512 * kKiB, 256 * kMiB);  // back
  EXPECT_EQ(player.asked_end(), end);
  player.read_all(272 * kMiB, 300 * kMiB);  // forward
  EXPECT_GT(player.asked_end(), end);
  EXPECT_EQ(player.repeated_bytes(), 0U);
}

// The fio job seq_read_skip_17m: 256 MiB read, 17 MiB skipped, and so on.
TEST(Readahead, AJumpIntoWhatWasAskedForKeepsTheWindow) {
  Player player({}, 2 * kGiB);
  for (std::uint64_t begin = 0; begin < kGiB; begin += 273 * kMiB) {
    player.read_all(begin, begin + 256 * kMiB);
    EXPECT_GE(player.asked_end(), begin + 288 * kMiB);
  }
  EXPECT_EQ(player.repeated_bytes(), 0U);
}

TEST(Readahead, AReaderThatSkipsMoreThanItReadsKeepsASmallWindow) {
  Player player;
  for (std::uint64_t at = 0; at < kGiB; at += 8 * kMiB) player.read(at, 128 * kKiB);
  EXPECT_LE(player.asked_bytes(), (kGiB / (8 * kMiB)) * 2 * kMiB);
}

TEST(Readahead, WhoLeavesOutAsMuchEachTimeIsAskedForThePiecesThatComeAndNothingBetween) {
  constexpr std::uint64_t kPiece = 256 * kKiB;
  for (const std::uint64_t stride : {3 * kMiB, 17 * kMiB + kPiece}) {
    Player player;
    int foreseen = 0;
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t at = kGiB + i * stride;
      const auto& asked = player.asked();
      foreseen += std::any_of(asked.begin(), asked.end(), [&](const Candidate& c) {
        return c.range.offset == at && c.range.length == kPiece;
      });
      player.read(at, kPiece / 2);
      player.read(at + kPiece / 2, kPiece / 2);
    }
    EXPECT_EQ(foreseen, 97);
    EXPECT_EQ(player.repeated_bytes(), 0U);
    EXPECT_LE(player.asked_bytes(), (97 + Readahead::kPiecesAheadMax) * kPiece);
  }
}

TEST(Readahead, BackwardsAsWell) {
  Player player;
  for (int i = 0; i < 3; ++i) player.read(kGiB - i * 8 * kMiB, 128 * kKiB);
  EXPECT_TRUE(std::any_of(player.asked().begin(), player.asked().end(), [](const Candidate& c) {
    return c.range.offset == kGiB - 24 * kMiB && c.range.length == 128 * kKiB;
  }));
  for (int i = 3; i < 200; ++i) {
    for (const Candidate& c : player.read(kGiB - std::min(i, 128) * 8 * kMiB, 128 * kKiB)) {
      EXPECT_LT(c.range.offset, kGiB);
    }
  }
}

TEST(Readahead, TwoSequencesInOneHandleBothGoOn) {
  Player player;
  for (std::uint64_t at = 0; at < 128 * kMiB; at += 128 * kKiB) {
    player.read(at, 128 * kKiB);
    player.read(2 * kGiB + at, 128 * kKiB);
  }
  const auto asked_at = [&](std::uint64_t offset) {
    return std::any_of(player.asked().begin(), player.asked().end(), [&](const Candidate& c) {
      return offset >= c.range.offset && offset < c.range.offset + c.range.length;
    });
  };
  EXPECT_TRUE(asked_at(150 * kMiB));
  EXPECT_TRUE(asked_at(2 * kGiB + 150 * kMiB));
}

TEST(Readahead, AReaderThatFollowsAnotherCloselyAsksLittleAgain) {
  Player player;
  player.read_all(0, 12 * kMiB);
  for (std::uint64_t at = 0; at < 256 * kMiB; at += 128 * kKiB) {
    player.read(12 * kMiB + at, 128 * kKiB);
    player.read(at, 128 * kKiB);
  }
  EXPECT_GE(player.asked_end(), 300 * kMiB);
  // The one behind goes over the same ground, once.
  EXPECT_LE(player.repeated_bytes(), 330 * kMiB);
}

TEST(Readahead, RandomReadsBetweenDoNotEndASequence) {
  Player player;
  std::mt19937_64 random(3);
  for (std::uint64_t at = 0; at < 128 * kMiB; at += 128 * kKiB) {
    player.read(at, 128 * kKiB);
    for (int i = 0; i < 6; ++i) player.read(kGiB + random() % (3 * kGiB), 4 * kKiB);
  }
  EXPECT_EQ(player.repeated_bytes(), 0U);
  EXPECT_GE(player.asked_end(), 128 * kMiB);
}

TEST(Readahead, ASecondPassThroughTheSameHandleAsksAgain) {
  Player player({}, 64 * kMiB);
  player.read_all(0, 64 * kMiB);
  const std::uint64_t first_pass_bytes = player.asked_bytes();
  player.read_all(0, 64 * kMiB);
  EXPECT_EQ(player.asked_bytes(), 2 * first_pass_bytes);
}

TEST(Readahead, ASmallObjectIsAskedForWholeAndOnce) {
  Player player({}, 600 * kKiB);
  const auto candidates = player.read(512 * kKiB, 4 * kKiB);
  ASSERT_EQ(candidates.size(), 1U);
  EXPECT_EQ(candidates[0].range.offset, 0U);
  EXPECT_EQ(candidates[0].range.length, 600 * kKiB);
  EXPECT_TRUE(player.read(0, 4 * kKiB).empty());
}

TEST(Readahead, ASmallObjectReadWholeAtOnceNeedsNothing) {
  Player player({}, 100 * kKiB);
  EXPECT_TRUE(player.read(0, 100 * kKiB).empty());
}

TEST(Readahead, AnEmptyObjectNeedsNothing) {
  Player player({}, 0);
  EXPECT_TRUE(player.read(0, 0).empty());
}

TEST(Readahead, AReleasedHandleIsForgotten) {
  Player player;
  player.read(kGiB, 128 * kKiB);
  player.read(kGiB + 128 * kKiB, 128 * kKiB);
  EXPECT_TRUE(player.release(1).empty());
  EXPECT_TRUE(player.read(kGiB + 256 * kKiB, 128 * kKiB).empty()) << "remembers the handle";
}

TEST(Readahead, TheLeastRecentlyUsedHandleIsForgottenWhenThereAreTooMany) {
  Player player({.handles_max = 2});
  const auto read = [&](std::uint64_t handle, std::uint64_t nth) {
    return player.read(kGiB + nth * 128 * kKiB, 128 * kKiB, handle);
  };
  read(1, 0);
  read(2, 0);
  read(2, 1);
  read(1, 1);
  read(3, 0);
  EXPECT_FALSE(read(1, 2).empty()) << "forgot the recent one";
  EXPECT_TRUE(read(2, 2).empty()) << "remembers three";
}

TEST(Readahead, AllHandlesTogetherStayWithinWhatTheCacheCanHold) {
  constexpr std::uint64_t kHandles = 40;
  Player player({.ahead_bytes_max = [] { return 160 * kMiB; }});
  std::vector<std::uint64_t> ends(kHandles);
  for (std::uint64_t at = 0; at < 64 * kMiB; at += 128 * kKiB) {
    for (std::uint64_t handle = 0; handle < kHandles; ++handle) {
      for (const Candidate& c : player.read(at, 128 * kKiB, handle)) {
        ends[handle] = c.range.offset + c.range.length;
      }
    }
  }
  std::uint64_t ahead = 0;
  for (const std::uint64_t end : ends) ahead += end - 64 * kMiB;
  EXPECT_LE(ahead, 160 * kMiB);
  EXPECT_GE(ahead, 40 * kMiB);
}

TEST(Readahead, TheWindowFollowsTheRoomThatThereIsRightNow) {
  std::uint64_t room = 64 * kMiB;
  Player player({.window_bytes_max = 64 * kMiB, .ahead_bytes_max = [&room] { return room; }});
  player.read_all(0, 256 * kMiB);
  EXPECT_GE(player.asked_end(), 256 * kMiB + 32 * kMiB);
  room = 4 * kMiB;  // others have filled the disk
  player.read_all(256 * kMiB, 512 * kMiB);
  EXPECT_LE(player.asked_end(), 512 * kMiB + 8 * kMiB) << "a piece may reach beyond the window";
  room = 64 * kMiB;
  player.read_all(512 * kMiB, kGiB);
  EXPECT_GE(player.asked_end(), kGiB + 32 * kMiB);
}

TEST(Readahead, ACacheTooSmallForAWindowGetsNoReadahead) {
  Player player({.ahead_bytes_max = [] { return kMiB - 1; }});
  player.read_all(0, 64 * kMiB);
  EXPECT_EQ(player.asked_bytes(), 0U);
}

TEST(Readahead, ReleasingHandlesGivesTheirShareBack) {
  Player player({.window_bytes_max = 16 * kMiB, .ahead_bytes_max = [] { return 16 * kMiB; }});
  for (std::uint64_t handle = 2; handle < 18; ++handle) player.read(0, 128 * kKiB, handle);
  for (std::uint64_t handle = 2; handle < 18; ++handle) player.release(handle);
  player.read_all(0, 128 * kMiB);
  EXPECT_GE(player.asked_end(), 136 * kMiB);
}

// Whatever the sequence of events: inside the version, and no endless asking.
TEST(Readahead, AnyEventsAskOnlyForBytesOfTheVersion) {
  std::mt19937_64 random(11);
  Player player({.window_bytes_max = 8 * kMiB, .handles_max = 8});
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t size = random() % 3 == 0 ? random() % kMiB : random() % (64 * kMiB);
    player.set_size(size);
    if (random() % 50 == 0) player.release(random() % 16);
    const std::uint64_t offset = random() % 4 == 0 ? 0 : random() % (size + 1);
    const std::uint64_t length = std::min(size - offset, random() % kMiB);
    for (const Candidate& c : player.read(offset, length, random() % 16)) {
      EXPECT_GT(c.range.length, 0U);
      EXPECT_LE(c.range.offset + c.range.length, size);
    }
  }
}

}  // namespace
}  // namespace augurfs
