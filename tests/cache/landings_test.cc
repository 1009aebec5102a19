#include "cache/landings.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace augurfs {
namespace {

constexpr LandingsOptions kSmallAndLikely{
    .waiting_max = 2, .object_bytes_max = 100, .probability_min = 0.5F};

Version object(const std::string& key, std::uint64_t size = 10) { return {key, "1", size}; }

std::string take(Landings& landings) {
  const auto landed = landings.take();
  return landed ? landed->key : "";
}

TEST(Landings, WhatIsSmallAndLikelyEnoughIsTold) {
  Landings landings(kSmallAndLikely);
  landings.add(object("a", 100), {.probability = 0.5F});
  EXPECT_EQ(take(landings), "a");
  landings.add(object("large", 101), {});
  landings.add(object("unlikely"), {.probability = 0.49F});
  EXPECT_EQ(take(landings), "");
}

TEST(Landings, OfMoreThanThereIsRoomForTheOldestIsDropped) {
  Landings landings(kSmallAndLikely);
  for (const char* key : {"a", "b", "c"}) landings.add(object(key), {});
  EXPECT_EQ(take(landings), "b");
  EXPECT_EQ(take(landings), "c");
  EXPECT_EQ(take(landings), "");
}

TEST(Landings, TheChunksOfAnObjectThatComeTogetherAreToldOnce) {
  Landings landings(kSmallAndLikely);
  for (const char* key : {"a", "b", "b", "b"}) landings.add(object(key), {});
  EXPECT_EQ(take(landings), "a");
  EXPECT_EQ(take(landings), "b");
  EXPECT_EQ(take(landings), "");
}

TEST(Landings, WithoutRoomNothingIsTold) {
  Landings landings({});
  landings.add(object("empty", 0), {});
  EXPECT_EQ(take(landings), "");
}

TEST(Landings, WhoWaitsIsWokenByWhatLandsAndByTheEnd) {
  Landings landings(kSmallAndLikely);
  std::string woken;
  bool ended = false;
  std::jthread waiting([&](const std::stop_token& stop) {
    while (const auto landed = landings.wait(stop)) woken += landed->key;
    ended = true;
  });
  landings.add(object("a"), {});
  while (landings.take()) {
  }
  waiting.request_stop();
  waiting.join();
  EXPECT_TRUE(ended);
  EXPECT_TRUE(woken.empty() || woken == "a");
}

TEST(Landings, WhoIsToEndIsToldNothingMore) {
  Landings landings(kSmallAndLikely);
  landings.add(object("a"), {});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(landings.wait(stop.get_token()), std::nullopt);
  EXPECT_EQ(take(landings), "a");
}

}  // namespace
}  // namespace augurfs
