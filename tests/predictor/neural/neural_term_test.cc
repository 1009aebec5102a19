#include "predictor/neural/neural_term.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "predictor/neural/load_trainer.h"
#include "support/expert_player.h"

namespace augurfs {
namespace {

std::unique_ptr<NeuralTerm> term(std::uint64_t seed = 1) {
  auto loaded = load_trainer();
  if (!loaded) throw std::runtime_error(loaded.error().message);
  NeuralTermOptions options;
  options.chunk_bytes = ExpertPlayer::kChunkBytes;
  options.seed = seed;
  options.batch_episodes = 8;  // quick
  return std::make_unique<NeuralTerm>(
      options, std::make_unique<Learner>(LearnerOptions{.seed = seed}, std::move(*loaded)));
}

std::unique_ptr<NeuralTerm> untaught() {
  return std::make_unique<NeuralTerm>(NeuralTermOptions{},
                                      std::make_unique<Learner>(LearnerOptions{}, nullptr));
}

std::optional<float> loss_of(const NeuralTerm& neural) { return neural.learner().stats().loss; }

// The start of a program: always the same files.
const std::vector<std::string> kStart = {"bin/tool",      "lib/libc.so",   "lib/libm.so",
                                         "etc/tool.conf", "share/a.theme", "share/b.icon",
                                         "etc/hosts",     "lib/x.so"};

// Lets a player play to it.
class NeuralListener : public Expert {
 public:
  explicit NeuralListener(NeuralTerm& term) : term_(term) {}
  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& /*candidates*/) override {
    term_.observe(event, catalog);
  }

 private:
  NeuralTerm& term_;
};

float fit_of(NeuralTerm& neural, const ExpertPlayer& player, const std::string& name,
             std::uint64_t stream = 1) {
  Event event;
  event.stream = stream;
  return neural.weigh(event, {object_id(name), 0, 1}, {}, player.catalog).fit;
}

TEST(NeuralTerm, ASequenceIsLearned) {
  const auto neural = term();
  NeuralListener listener(*neural);
  ExpertPlayer player(listener);
  while (!loss_of(*neural)) player.read_all(kStart);
  const float first_loss = *loss_of(*neural);
  for (int i = 0; i < 1500; ++i) player.read_all(kStart);
  // It cannot fall below log 4 of log 8: of eight files the next four are to be found alike.
  EXPECT_LT(*loss_of(*neural), 0.8F * first_loss);
  player.read("bin/tool");
  // The next four are found alike, and before the other three.
  for (std::size_t next = 1; next <= 4; ++next) {
    for (std::size_t later = 5; later < kStart.size(); ++later) {
      EXPECT_GT(fit_of(*neural, player, kStart[next]), fit_of(*neural, player, kStart[later]));
    }
  }
}

TEST(NeuralTerm, WhatFollowsDependsOnTheStreamsOwnPast) {
  const auto neural = term();
  NeuralListener listener(*neural);
  ExpertPlayer player(listener);
  // Two programs, at the same time, each with a file of its own after the one they share.
  for (int i = 0; i < 1000; ++i) {
    for (const char* const file : {"shared", "own"}) {
      for (const std::uint64_t stream : {1U, 2U}) {
        const std::string name = file == std::string("own") ? "own" + std::to_string(stream) : file;
        player.read(name, 0, stream, stream);
      }
    }
  }
  for (const std::uint64_t stream : {1U, 2U}) {
    player.read("shared", 0, stream, stream);
    EXPECT_GT(fit_of(*neural, player, "own" + std::to_string(stream), stream),
              fit_of(*neural, player, "own" + std::to_string(3 - stream), stream));
  }
}

TEST(NeuralTerm, AFileNeverReadFitsBetterAmongItsSiblingsThanOneFromElsewhere) {
  const auto neural = term();
  NeuralListener listener(*neural);
  ExpertPlayer player(listener);
  player.know("photos/3000.jpg");
  player.know("old/letters/draft.odt");
  // Another program's, so that there is something to tell them from.
  for (int i = 0; i < 1000; ++i) {
    player.read("photos/" + std::to_string(1000 + i) + ".jpg");
    player.read("old/letters/" + std::to_string(i % 50) + ".odt", 0, 2, 2);
  }
  EXPECT_GT(fit_of(*neural, player, "photos/3000.jpg"),
            fit_of(*neural, player, "old/letters/draft.odt"));
}

TEST(NeuralTerm, TheSameReadsAndSeedMakeTheSameWeights) {
  const auto checksum = [](std::uint64_t seed) {
    const auto neural = term(seed);
    NeuralListener listener(*neural);
    ExpertPlayer player(listener);
    std::mt19937 random(5);
    for (int i = 0; i < 200; ++i) player.read(std::to_string(random() % 30));
    double sum = 0;
    for (const float value : neural->learner().weights().values()) sum = sum * 0.99 + double{value};
    return sum;
  };
  EXPECT_EQ(checksum(1), checksum(1));
  EXPECT_NE(checksum(1), checksum(2));
}

TEST(NeuralTerm, CalibrationFollowsWhatBecomesOfCandidates) {
  const auto neural = untaught();
  NeuralListener listener(*neural);
  ExpertPlayer player(listener);
  player.read("x");
  Event event;
  event.stream = 1;
  const Place place{object_id("x"), 0, 1};
  for (int i = 0; i < 10'000; ++i) {
    const auto opinion = neural->weigh(event, place, {}, player.catalog);
    // One in four is read, within a second.
    const auto after = i % 4 == 0 ? std::optional(std::chrono::milliseconds(500)) : std::nullopt;
    neural->settle(neural->note(event, opinion), after);
  }
  const auto scores = neural->weigh(event, place, {}, player.catalog).scores;
  const auto probability = [](float score) { return 1 / (1 + std::exp(-score)); };
  EXPECT_NEAR(probability(scores[1]), 0.25F, 0.05F);
  EXPECT_NEAR(probability(scores[3]), 0.25F, 0.05F);
  EXPECT_LT(probability(scores[0]), 0.05F);  // within a round trip: none
}

TEST(NeuralTerm, WithoutAnythingKnownOfAnObjectItStillAnswers) {
  const auto owned = untaught();
  NeuralTerm& neural = *owned;
  const Catalog nothing;
  Event event;
  event.object = object_id("gone");
  event.range = {0, 100};
  neural.observe(event, nothing);
  event.range = {};
  neural.observe(event, nothing);
  neural.settle(0, std::nullopt);
  neural.settle(99, std::chrono::seconds(1));
  for (const float score : neural.weigh(event, {}, {}, nothing).scores) {
    EXPECT_TRUE(std::isfinite(score));
  }
}

}  // namespace
}  // namespace augurfs
