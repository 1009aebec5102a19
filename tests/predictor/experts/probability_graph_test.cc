#include "predictor/experts/probability_graph.h"

#include <gtest/gtest.h>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

TEST(ProbabilityGraph, AsksForWhatCameSoonAfterNotOnlyNext) {
  ProbabilityGraph expert({.chunk_bytes = ExpertPlayer::kChunkBytes});
  ExpertPlayer player(expert);
  player.read_all({"a", "b", "c", "d", "e", "f"});
  EXPECT_EQ(player.read("a"), (Asked{"b:0", "c:0", "d:0", "e:0"})) << "four ahead";
}

TEST(ProbabilityGraph, WhatCameRarelyIsNotAskedFor) {
  ProbabilityGraph expert({.chunk_bytes = ExpertPlayer::kChunkBytes, .chance_min = 0.6});
  ExpertPlayer player(expert);
  std::uint64_t stream = 1;
  for (const char* next : {"b", "b", "c"}) {
    player.read("a", 0, stream);
    player.read(next, 0, stream++);
  }
  EXPECT_EQ(player.read("a", 0, stream), Asked{"b:0"}) << "two of three visits";
}

}  // namespace
}  // namespace augurfs
