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

// Of two streams, one of which ends sooner, with places in common.
std::vector<Episode> two_episodes() {
  std::vector<Episode> batch(2, episode_with_a_lesson());
  batch[0].reads.push_back({bag_of({4, 2, 7}), bag_of({4, 2}), 2});
  batch[0].reads.push_back({bag_of({1, 2, 7}), bag_of({1, 2}), 1});
  batch[0].lessons.push_back(batch[0].lessons[0]);
  batch[0].lessons[1].read = 2;
  batch[0].lessons[1].place = bag_of({4, 10, 12});
  batch[0].lessons[1].used = {false, false, false, true};
  batch[1].reads.push_back({bag_of({5, 6}), bag_of({5}), 3});
  batch[1].before.fill(-0.5F);
  return batch;
}

// The derivatives of the table and of the recurrence are written by hand: against differences.
TEST(TrainerOfTorch, EachWeightGoesAgainstTheSlopeOfTheLoss) {
  const std::vector<Episode> batch = two_episodes();
  NeuralWeights before(3);
  NeuralWeights after = before;
  ASSERT_TRUE(trainer()->train(batch, after));
  const auto probes = trainer();
  const auto loss_with = [&](std::size_t weight, float step) {
    NeuralWeights weights = before;
    weights.values()[weight] += step;
    return *probes->train(batch, weights);
  };
  int compared = 0;
  for (std::size_t m = 0; m <= static_cast<std::size_t>(Matrix::kStateBias); ++m) {
    const std::size_t begin = offset_of(Matrix(m));
    const std::size_t count = kMatrixShapes[m].rows * kMatrixShapes[m].columns;
    // Of the table only the first rows occur.
    const std::size_t among = m == 0 ? 13 * kVector : count;
    for (std::size_t i = 0; i < among; i += 1 + among / 20) {
      constexpr float kStep = 0.02F;
      const float slope = loss_with(begin + i, kStep) - loss_with(begin + i, -kStep);
      if (std::abs(slope) < 2e-5F) continue;  // lost in the rounding
      const float moved = after.values()[begin + i] - before.values()[begin + i];
      EXPECT_LT(slope * moved, 0) << "matrix " << m << ", weight " << i;
      ++compared;
    }
  }
  EXPECT_GT(compared, 25);
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
