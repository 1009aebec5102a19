#include "predictor/experts/mithril.h"

#include <gtest/gtest.h>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

MithrilOptions options(std::size_t rows) {
  return {.chunk_bytes = ExpertPlayer::kChunkBytes, .rows_max = rows, .look_ahead = 3};
}

TEST(Mithril, WhatWasReadNearEachOtherEachTimeBelongsTogether) {
  Mithril expert(options(2));
  ExpertPlayer player(expert);
  player.read_all({"a", "b"});
  for (int i = 0; i < 50; ++i) player.read("noise" + std::to_string(i));
  EXPECT_EQ(player.read("a"), Asked{}) << "once is chance";
  player.read("b");  // two rows have their support: they are mined
  EXPECT_EQ(player.read("a"), Asked{"b:0"});
  EXPECT_EQ(player.read("b"), Asked{}) << "what comes first foretells what comes later";
}

TEST(Mithril, WhatWasApartOnceDoesNot) {
  Mithril expert(options(2));
  ExpertPlayer player(expert);
  player.read_all({"a", "b", "1", "2", "a", "3", "4", "5", "6", "b"});
  EXPECT_EQ(player.read("a"), Asked{});
}

TEST(Mithril, OnlyMissesAreNoted) {
  Mithril expert(options(2));
  ExpertPlayer player(expert);
  player.hit = true;
  player.read_all({"a", "b", "1", "2", "3", "4", "a", "b"});
  EXPECT_EQ(player.read("a"), Asked{});
}

TEST(Mithril, WhatIsFrequentIsLeftOut) {
  Mithril expert(options(3));
  ExpertPlayer player(expert);
  for (int i = 0; i < 12; ++i) player.read_all({"a", "b"});  // more than eight times each
  player.read_all({"x", "1", "2", "3", "x"});                // the third row: mining begins
  EXPECT_EQ(player.read("a"), Asked{});
}

}  // namespace
}  // namespace augurfs
