#include "predictor/experts/fixed_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace augurfs {
namespace {

using Losses = std::vector<double>;

double total(std::span<const double> weights) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  return sum;
}

TEST(FixedShare, AWeightFallsWithItsLossAndGivesAShareToTheOthers) {
  FixedShare belief({.rate = std::log(2.0), .share = 0.1}, {1, 1});
  belief.update(Losses{1, 0});
  // 1/2 * 1/2 against 1/2 is 1/3 against 2/3; then a tenth of each goes to the other.
  EXPECT_NEAR(belief.weights()[0], 0.9 / 3 + 0.1 * 2 / 3, 1e-12);
  EXPECT_NEAR(belief.weights()[1], 0.9 * 2 / 3 + 0.1 / 3, 1e-12);
}

TEST(FixedShare, BeginsWithWhatItIsToldToBelieve) {
  const FixedShare belief({}, {1, 3});
  EXPECT_NEAR(belief.weights()[0], 0.25, 1e-12);
}

TEST(FixedShare, WhoWasTheWorstForLongIsBelievedSoonWhenItIsTheBest) {
  FixedShare belief({.rate = 1, .share = 0.01}, {1, 1, 1});
  for (int i = 0; i < 100'000; ++i) belief.update(Losses{0, 1, 1});
  EXPECT_GT(belief.weights()[0], 0.95);
  for (int i = 0; i < 12; ++i) belief.update(Losses{1, 1, 0});
  EXPECT_GT(belief.weights()[2], 0.9);
  EXPECT_NEAR(total(belief.weights()), 1, 1e-9);
}

TEST(FixedShare, LossesBeyondTheirBoundsCountAsThese) {
  FixedShare belief({.rate = 1, .share = 0}, {1, 1});
  FixedShare same({.rate = 1, .share = 0}, {1, 1});
  belief.update(Losses{1e300, -7});
  same.update(Losses{1, 0});
  EXPECT_EQ(belief.weights()[0], same.weights()[0]);
}

// The least that a sequence of advisers with so many changes would have lost, for 0, 1, 2, ...
Losses best_with_changes(const std::vector<Losses>& trials, std::size_t changes_max) {
  const std::size_t n = trials[0].size();
  // Of the sequences with so many changes, by the adviser they end with.
  std::vector<Losses> lost(changes_max + 1, Losses(n, std::numeric_limits<double>::infinity()));
  lost[0] = Losses(n, 0);
  for (const Losses& trial : trials) {
    for (std::size_t k = changes_max + 1; k-- > 0;) {
      const double changed = k == 0 ? std::numeric_limits<double>::infinity()
                                    : *std::min_element(lost[k - 1].begin(), lost[k - 1].end());
      for (std::size_t i = 0; i < n; ++i) lost[k][i] = std::min(lost[k][i], changed) + trial[i];
    }
  }
  Losses best;
  for (const Losses& row : lost) best.push_back(*std::min_element(row.begin(), row.end()));
  return best;
}

// Against an adversary who always hurts whoever is believed most: the bound of the header.
TEST(FixedShare, AnAdversaryMakesItRegretNoMoreThanIsProved) {
  constexpr std::size_t kTrials = 3000;
  constexpr std::size_t kAdvisers = 8;
  constexpr std::size_t kChangesMax = 40;
  const FixedShareOptions options{.rate = 0.2, .share = 0.01};
  FixedShare belief(options, Losses(kAdvisers, 1));
  std::vector<Losses> trials;
  double lost = 0;
  for (std::size_t t = 0; t < kTrials; ++t) {
    const auto weights = belief.weights();
    Losses losses(kAdvisers, 0);
    const auto most = std::max_element(weights.begin(), weights.end()) - weights.begin();
    losses[static_cast<std::size_t>(most)] = 1;
    for (std::size_t i = 0; i < kAdvisers; ++i) lost += weights[i] * losses[i];
    belief.update(losses);
    trials.push_back(std::move(losses));
  }
  const Losses best = best_with_changes(trials, kChangesMax);
  constexpr double kN = kAdvisers;
  constexpr double kT = kTrials;
  for (std::size_t changes = 0; changes <= kChangesMax; ++changes) {
    const double k = static_cast<double>(changes);
    const double bound = (std::log(kN) + k * std::log((kN - 1) / options.share) +
                          (kT - k - 1) * std::log(1 / (1 - options.share))) /
                             options.rate +
                         options.rate * kT / 8;
    EXPECT_LE(lost - best[changes], bound) << changes << " changes";
  }
  // And the adversary was one: to follow whoever was the best so far would have lost each trial.
  EXPECT_LT(lost, 0.5 * kT);
}

TEST(FixedShare, WhoIsOutHasNoWeightAndIsAsIfHeWereNotThere) {
  FixedShare two({.rate = 1, .share = 0.1}, {1, 2});
  FixedShare three({.rate = 1, .share = 0.1}, {1, 2, 5});
  three.put_out(2);
  for (const double loss : {0.3, 0.9, 0.0}) {
    two.update(std::vector{loss, 0.5});
    three.update(std::vector{loss, 0.5, 0.0});
    EXPECT_NEAR(three.weights()[0], two.weights()[0], 1e-12);
    EXPECT_NEAR(three.weights()[1], two.weights()[1], 1e-12);
    EXPECT_EQ(three.weights()[2], 0);
  }
}

TEST(FixedShare, WhoIsLetInBeginsWithWhatTheOthersGiveAndLosesItWhenPutOut) {
  FixedShare belief({.rate = 1, .share = 0.1}, {1, 1, 1});
  belief.put_out(2);
  belief.let_in(2);
  belief.update(std::vector{0.0, 0.0, 0.0});
  EXPECT_NEAR(belief.weights()[2], 0.1 / 2, 1e-12);
  for (int i = 0; i < 100; ++i) belief.update(std::vector{1.0, 1.0, 0.0});
  EXPECT_GT(belief.weights()[2], 0.8);
  belief.put_out(2);
  EXPECT_EQ(belief.weights()[2], 0);
  EXPECT_NEAR(belief.weights()[0] + belief.weights()[1], 1, 1e-12);
}

}  // namespace
}  // namespace augurfs
