#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace augurfs {

struct FixedShareOptions {
  double rate = 1;      // how fast the weight of who loses falls
  double share = 0.01;  // of each weight, given to the others after each trial
};

// How much to believe each of several advisers, of whom another may be the best from time to time.
// Each trial costs each of them a loss from 0 to 1; a weight falls by exp(-rate * loss), and then a
// share of each goes to the others, so that nobody is ever lost: the fixed-share update of M.
// Herbster and M. K. Warmuth, Tracking the best expert, Machine Learning 32 (1998), with the loss
// of Hedge. In T trials the loss by weight exceeds that of the best sequence of n advisers with k
// changes by no more than
//   (ln(1/w) + k ln((n-1)/share) + (T-k-1) ln(1/(1-share))) / rate + rate * T / 8,
// where w is the first one's prior weight.
// Thread rule: one thread at a time.
class FixedShare {
 public:
  // `prior`: at least one weight, all positive, of any sum. All advisers are in.
  FixedShare(const FixedShareOptions& options, std::vector<double> prior);

  // Their sum is 1.
  std::span<const double> weights() const { return weights_; }
  // A trial is over. What is beyond 0 to 1 counts as that.
  void update(std::span<const double> losses);
  // Who is out has no weight and gets none until it is in again, and then only by what the others
  // give. At least one stays in.
  void let_in(std::size_t adviser);
  void put_out(std::size_t adviser);

 private:
  void normalize();

  const FixedShareOptions options_;
  std::vector<double> weights_;
  std::vector<bool> out_;
};

}  // namespace augurfs
