#include "predictor/experts/gate.h"

#include <gtest/gtest.h>

#include <random>

#include "support/expert_player.h"

namespace augurfs {
namespace {

// Says of each read that "right" and "wrong" will follow.
class Both : public Expert {
 public:
  void observe(const Event& event, const Catalog& /*catalog*/,
               std::vector<Candidate>& candidates) override {
    if (event.operation != Operation::kRead || event.object == object_id("right")) return;
    for (const auto& [name, id] :
         {std::pair("right", ExpertId::kPpm), std::pair("wrong", ExpertId::kMarkov)}) {
      candidates.push_back({.object = object_id(name),
                            .range = {0, ExpertPlayer::kChunkBytes},
                            .probability = 0.5F,
                            .expert = id});
    }
  }
};

std::unique_ptr<Gate> gate_of(std::unique_ptr<Expert> expert, GateOptions options = {}) {
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::move(expert));
  options.chunk_bytes = ExpertPlayer::kChunkBytes;
  return std::make_unique<Gate>(options, std::move(experts));
}

TEST(Gate, LearnsWhichExpertToBelieve) {
  const auto gate = gate_of(std::make_unique<Both>(), {.horizon_reads = 4});
  ExpertPlayer player(*gate);
  player.know("right");
  player.know("wrong");
  std::vector<std::string> asked;
  for (int i = 0; i < 500; ++i) {
    asked = player.read("x" + std::to_string(i));
    player.read("right");
  }
  EXPECT_EQ(asked, std::vector<std::string>{"right:0"});
  EXPECT_EQ(player.read("y"), std::vector<std::string>{"right:0"});
  EXPECT_GT(player.candidates[0].probability, 0.9F);
  EXPECT_EQ(player.candidates[0].expert, ExpertId::kPpm);
}

TEST(Gate, FindsNothingWorthFetchingInReadsAtRandom) {
  const auto gate = gate_of(std::make_unique<Both>(), {.horizon_reads = 4});
  ExpertPlayer player(*gate);
  player.know("right");
  player.know("wrong");
  std::mt19937 random(1);
  std::size_t asked = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::size_t count = player.read(std::to_string(random() % 100'000)).size();
    if (i >= 500) asked += count;
  }
  EXPECT_LE(asked, 10U);
}

TEST(Gate, WhatTheNeuralModelSaysInformsOnlyTheSecondNetwork) {
  const auto opinions_of = [](std::unique_ptr<NeuralTerm> neural) {
    std::vector<std::unique_ptr<Expert>> experts;
    experts.push_back(std::make_unique<Both>());
    Gate gate({.chunk_bytes = ExpertPlayer::kChunkBytes, .horizon_reads = 4}, std::move(experts),
              std::move(neural));
    Catalog catalog;
    std::vector<std::pair<float, float>> opinions;
    for (int i = 0; i < 200; ++i) {
      Event event;
      event.object = object_id(i % 2 == 0 ? "x" : "right");
      event.object_bytes = ExpertPlayer::kChunkBytes;
      event.range = {0, ExpertPlayer::kChunkBytes};
      event.time += std::chrono::milliseconds(i);
      for (const Gate::Opinion& opinion : gate.weigh(event, catalog)) {
        opinions.emplace_back(opinion.probability, opinion.informed);
      }
    }
    return opinions;
  };
  const auto plain = opinions_of(nullptr);
  const auto both = opinions_of(std::make_unique<NeuralTerm>(
      NeuralTermOptions{}, std::make_unique<Learner>(LearnerOptions{}, nullptr)));
  ASSERT_EQ(plain.size(), 200U);
  ASSERT_EQ(both.size(), plain.size());
  std::size_t informed = 0;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(plain[i].first, plain[i].second);
    EXPECT_EQ(both[i].first, plain[i].first);
    informed += both[i].second != both[i].first ? 1 : 0;
  }
  EXPECT_GT(informed, 150U);
}

}  // namespace
}  // namespace augurfs
