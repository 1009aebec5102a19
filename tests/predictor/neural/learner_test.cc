#include "predictor/neural/learner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "support/eventually.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

// Adds one to the first weight in each step, or does what it is told.
class CountingTrainer : public Trainer {
 public:
  explicit CountingTrainer(std::atomic<int>& steps, float loss = 1) : steps_(steps), loss_(loss) {}
  std::optional<float> train(std::span<const Episode> /*batch*/, NeuralWeights& weights) override {
    ++steps_;
    if (std::isnan(loss_)) return std::nullopt;
    weights.values()[0] += 1;
    return loss_;
  }

 private:
  std::atomic<int>& steps_;
  const float loss_;
};

float first_of(const Learner& learner) { return learner.weights().values()[0]; }
float first_of_seed(std::uint64_t seed) { return NeuralWeights(seed).values()[0]; }

class LearnerTest : public testing::Test {
 protected:
  std::unique_ptr<Learner> learner(const LearnerOptions& options, bool is_kept = false) {
    std::unique_ptr<Checkpoint> checkpoint;
    if (is_kept) {
      auto opened = Checkpoint::open(directory_.path() / kModelFile);
      if (!opened) throw std::runtime_error(opened.error().message);
      checkpoint = std::move(*opened);
    }
    return std::make_unique<Learner>(options, std::make_unique<CountingTrainer>(steps_, loss_),
                                     std::move(checkpoint));
  }

  const TemporaryDirectory directory_;
  std::atomic<int> steps_ = 0;
  float loss_ = 1;
};

TEST_F(LearnerTest, InTheForegroundAStepIsOverWhenItReturns) {
  const auto learns = learner({.seed = 3});
  const float before = first_of(*learns);
  EXPECT_EQ(before, first_of_seed(3));
  const std::uint64_t version = learns->version();
  ASSERT_TRUE(learns->is_ready());
  learns->learn({});
  EXPECT_EQ(first_of(*learns), before + 1);
  EXPECT_NE(learns->version(), version);
  EXPECT_EQ(learns->stats().steps, 1U);
  EXPECT_EQ(learns->stats().loss, 1.0F);
}

TEST_F(LearnerTest, InTheBackgroundTheWeightsChangeOnlyWhenTheyAreRefreshed) {
  const auto learns = learner({.seed = 3, .in_background = true, .core_share_max = 0.9});
  const float before = first_of(*learns);
  learns->learn({});
  ASSERT_TRUE(eventually([&] { return learns->is_ready(); }));
  EXPECT_EQ(first_of(*learns), before);
  const std::uint64_t version = learns->version();
  learns->refresh();
  EXPECT_EQ(first_of(*learns), before + 1);
  EXPECT_NE(learns->version(), version);
  learns->refresh();
  EXPECT_EQ(learns->version(), version + 1) << "nothing new";
}

TEST_F(LearnerTest, RestsSoThatItHasNoMoreThanItsShareOfACore) {
  // A thousandth: one step alone makes it rest for seconds.
  const auto learns = learner({.in_background = true, .core_share_max = 1e-6});
  learns->learn({});
  ASSERT_TRUE(eventually([&] { return learns->stats().steps == 1; }));
  for (int i = 0; i < 100; ++i) learns->learn({});
  EXPECT_FALSE(learns->is_ready());
  EXPECT_EQ(steps_, 1);
}

TEST_F(LearnerTest, GoesOnFromWhatWasKept) {
  for (int i = 1; i <= 3; ++i) {
    const auto learns = learner({.seed = 3}, true);
    EXPECT_FLOAT_EQ(first_of(*learns), first_of_seed(3) + static_cast<float>(i - 1));
    EXPECT_EQ(learns->stats().resumed, static_cast<std::uint64_t>(i - 1));
    learns->learn({});
    EXPECT_EQ(learns->stats().steps, static_cast<std::uint64_t>(i));
  }
}

TEST_F(LearnerTest, KeepsTheFirstStepSoonSoThatAKilledOneHasLearnedSomething) {
  const auto learns = learner({.seed = 3, .in_background = true}, true);
  learns->learn({});
  ASSERT_TRUE(eventually([&] {
    // As another process would find it after a kill.
    std::error_code error;
    const auto copy = directory_.path() / "copy";
    std::filesystem::copy_file(directory_.path() / kModelFile, copy,
                               std::filesystem::copy_options::overwrite_existing, error);
    auto kept = Checkpoint::open(copy);
    NeuralWeights weights(9);
    return kept && (*kept)->load(weights) && weights.values()[0] == first_of_seed(3) + 1;
  }));
}

TEST_F(LearnerTest, AStepThatChangedNothingIsNotCountedNorKept) {
  loss_ = NAN;
  {
    const auto learns = learner({.seed = 3}, true);
    learns->learn({});
    EXPECT_EQ(steps_, 1);
    EXPECT_EQ(learns->stats().steps, 0U);
    EXPECT_FALSE(learns->stats().loss);
  }
  auto kept = Checkpoint::open(directory_.path() / kModelFile);
  ASSERT_TRUE(kept);
  NeuralWeights weights(9);
  EXPECT_FALSE((*kept)->load(weights));
}

TEST_F(LearnerTest, WithoutATrainerItNeverLearns) {
  Learner learns({.seed = 3, .in_background = true}, nullptr);
  EXPECT_FALSE(learns.is_ready());
  learns.learn({});
  learns.refresh();
  EXPECT_EQ(first_of(learns), first_of_seed(3));
}

}  // namespace
}  // namespace augurfs
