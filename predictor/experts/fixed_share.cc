#include "predictor/experts/fixed_share.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

namespace augurfs {

FixedShare::FixedShare(const FixedShareOptions& options, std::vector<double> prior)
    : options_(options), weights_(std::move(prior)), out_(weights_.size()) {
  assert(!weights_.empty());
  normalize();
}

void FixedShare::update(std::span<const double> losses) {
  assert(losses.size() == weights_.size());
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    weights_[i] *= std::exp(-options_.rate * std::clamp(losses[i], 0.0, 1.0));
  }
  normalize();
  const auto in = std::count(out_.begin(), out_.end(), false);
  if (in < 2) return;
  const double each = options_.share / static_cast<double>(in - 1);
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (!out_[i]) weights_[i] = (1 - options_.share) * weights_[i] + each * (1 - weights_[i]);
  }
}

void FixedShare::let_in(std::size_t adviser) { out_[adviser] = false; }

void FixedShare::put_out(std::size_t adviser) {
  out_[adviser] = true;
  weights_[adviser] = 0;
  assert(std::count(out_.begin(), out_.end(), false) > 0);
  normalize();
}

void FixedShare::normalize() {
  const double sum = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (double& weight : weights_) weight /= sum;
}

}  // namespace augurfs
