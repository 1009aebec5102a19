#include "predictor/fetch_around.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace augurfs {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::uint64_t kRead = 4096;

// Reads places of an object and keeps what was asked for; what was asked for is there at once.
class Player {
 public:
  explicit Player(std::uint64_t size, std::uint64_t around = 4 * kMiB) : size_(size) {
    around_ = std::make_unique<FetchAround>(
        FetchAroundOptions{[around] { return around; }, [] { return 16 * kGiB; }});
  }

  std::vector<Candidate> read(std::uint64_t offset, std::uint64_t length = kRead) {
    Event event;
    event.time = now_ += std::chrono::milliseconds{10};
    event.object = object_id("object");
    event.object_bytes = size_;
    event.range = {offset, length};
    event.hit = std::any_of(asked_.begin(), asked_.end(), [&](const Candidate& c) {
      return c.range.offset <= offset && offset + length <= c.range.offset + c.range.length;
    });
    std::vector<Candidate> candidates;
    around_->observe(event, catalog_, candidates);
    asked_.insert(asked_.end(), candidates.begin(), candidates.end());
    hits_ += event.hit ? 1 : 0;
    return candidates;
  }
  void read_at_random(int reads) {
    std::uniform_int_distribution<std::uint64_t> place(0, size_ / kRead - 1);
    for (int i = 0; i < reads; ++i) read(place(random_) * kRead);
  }
  void wait(std::chrono::nanoseconds time) { now_ += time; }
  std::uint64_t asked_bytes() const {
    std::uint64_t bytes = 0;
    for (const Candidate& candidate : asked_) bytes += candidate.range.length;
    return bytes;
  }
  int hits() const { return hits_; }

 private:
  const std::uint64_t size_;
  std::unique_ptr<FetchAround> around_;
  Catalog catalog_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours{1}};
  std::mt19937_64 random_{1};
  std::vector<Candidate> asked_;
  int hits_ = 0;
};

TEST(FetchAround, BeginsWithTheFourthMissAndAtItsPlace) {
  Player player(256 * kMiB);
  for (const std::uint64_t mib : {10, 200, 90}) EXPECT_TRUE(player.read(mib * kMiB).empty());
  const auto asked = player.read(150 * kMiB);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].range.offset, 150 * kMiB);
  EXPECT_EQ(asked[0].range.length, 4 * kMiB);
}

TEST(FetchAround, AnObjectThatIsReadDenselyIsThereSoonAndNoByteTwice) {
  Player player(256 * kMiB);
  player.read_at_random(200);
  EXPECT_GE(player.hits(), 150);
  EXPECT_LE(player.asked_bytes(), 256 * kMiB);
}

TEST(FetchAround, OfAnObjectThatIsReadThinlyLittleIsFetched) {
  Player player(16 * kGiB);
  player.read_at_random(1000);
  EXPECT_LE(player.asked_bytes(), 4 * FetchAround::kTrialBytes);
}

TEST(FetchAround, OnALinkThatIsNotQuickNothingIsFetched) {
  Player player(256 * kMiB, 0);
  player.read_at_random(200);
  EXPECT_EQ(player.asked_bytes(), 0U);
}

TEST(FetchAround, WhoReadsOnIsLeftToTheReadahead) {
  Player player(256 * kMiB);
  for (std::uint64_t at = 0; at < 256 * kMiB; at += 128 << 10) player.read(at, 128 << 10);
  EXPECT_EQ(player.asked_bytes(), 0U);
}

TEST(FetchAround, AnObjectThatIsNotReadForAWhileBeginsAnew) {
  Player player(256 * kMiB);
  for (const std::uint64_t mib : {10, 200, 90}) player.read(mib * kMiB);
  player.wait(FetchAround::kForgottenAfter);
  EXPECT_TRUE(player.read(150 * kMiB).empty());
}

TEST(FetchAround, NothingBeyondTheEndIsAskedFor) {
  Player player(40 * kMiB + 7);
  for (const std::uint64_t mib : {10, 30, 20}) player.read(mib * kMiB);
  const auto asked = player.read(40 * kMiB);
  ASSERT_EQ(asked.size(), 2U);
  EXPECT_EQ(asked[0].range.offset + asked[0].range.length, 40 * kMiB + 7);
  EXPECT_EQ(asked[1].range.offset + asked[1].range.length, 40 * kMiB) << "the rest before it";
  EXPECT_LE(asked[0].range.length + asked[1].range.length, 4 * kMiB);
}

TEST(FetchAround, WhatComesInARoundTripDependsOnTheLinkAndIsNothingOnASlowOne) {
  using std::chrono::milliseconds;
  EXPECT_EQ(bytes_of_round_trip(milliseconds{30}, milliseconds{10}) / kMiB, 3U);
  EXPECT_EQ(bytes_of_round_trip(milliseconds{30}, milliseconds{42}), 0U);
  EXPECT_LE(bytes_of_round_trip(std::chrono::hours{1}, std::chrono::nanoseconds{0}),
            FetchAround::kAroundBytesMax);
}

}  // namespace
}  // namespace augurfs
