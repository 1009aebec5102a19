#include "predictor/neural/trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "predictor/neural/load_trainer.h"

namespace augurfs {
namespace {

std::unique_ptr<Trainer> trainer() {
  auto loaded = load_trainer();
  if (!loaded) throw std::runtime_error(loaded.error().message);
  return std::move(*loaded);
}

FeatureBag bag_of(std::initializer_list<std::uint64_t> rows) {
  FeatureBag bag;
  for (const std::uint64_t row : rows) bag.add(row);
  return bag;
}

Episode episode_with_a_lesson() {
  Episode episode;
  episode.before.fill(0.25F);
  episode.reads = {{bag_of({1, 2, 3}), bag_of({1, 2}), 1}};
  Lesson lesson;
  lesson.place = bag_of({9, 10});
  lesson.hand[3] = 0.5F;
  lesson.used = {false, true, true, true};
  episode.lessons = {lesson};
  return episode;
}

// What the network that is asked says of the lesson.
float loss_of_lesson(const NeuralWeights& weights, const Episode& episode) {
  NeuralState state = episode.before;
  const Lesson& lesson = episode.lessons[0];
  advance(weights, embed(weights, episode.reads[0].input), state);
  const float fits = fit(weights, query_of(weights, state), embed(weights, lesson.place));
  const HorizonScores scores = rank(weights, lesson.hand, fits);
  float loss = 0;
  for (std::size_t h = 0; h < kHorizons; ++h) {
    loss += std::log1p(std::exp(lesson.used[h] ? -scores[h] : scores[h]));
  }
  return loss;
}

TEST(TrainerOfTorch, ComputesWhatTheNetworkThatIsAskedComputes) {
  NeuralWeights weights(3);
  const Episode episode = episode_with_a_lesson();
  const float expected = loss_of_lesson(weights, episode);
  const auto loss = trainer()->train({&episode, 1}, weights);
  ASSERT_TRUE(loss);
  EXPECT_NEAR(*loss, expected, 1e-4F);
}

TEST(TrainerOfTorch, MakesTheLossFall) {
  NeuralWeights weights(3);
  const Episode episode = episode_with_a_lesson();
  const auto trains = trainer();
  const float before = loss_of_lesson(weights, episode);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(trains->train({&episode, 1}, weights));
  EXPECT_LT(loss_of_lesson(weights, episode), 0.2F * before);
}

TEST(TrainerOfTorch, LeavesTheWeightsAloneWhenTheLossIsNoNumber) {
  NeuralWeights weights(3);
  const Episode episode = episode_with_a_lesson();
  const auto trains = trainer();
  *weights.at(Matrix::kRankLastBias) = NAN;
  const std::vector<float> before(weights.values().begin() + 1000, weights.values().begin() + 2000);
  EXPECT_FALSE(trains->train({&episode, 1}, weights));
  EXPECT_TRUE(std::equal(before.begin(), before.end(), weights.values().begin() + 1000));
}

TEST(TrainerOfTorch, OfNothingLearnsNothing) {
  NeuralWeights weights(3);
  EXPECT_FALSE(trainer()->train({}, weights));
}

}  // namespace
}  // namespace augurfs
