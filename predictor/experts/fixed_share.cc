#include "predictor/experts/fixed_share.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

namespace augurfs {

FixedShare::FixedShare(const FixedShareOptions& options, std::vector<double> prior)
    : options_(options), weights_(std::move(prior)) {
  assert(!weights_.empty());
  normalize();
}

void FixedShare::update(std::span<const double> losses) {
  assert(losses.size() == weights_.size());
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    weights_[i] *= std::exp(-options_.rate * std::clamp(losses[i], 0.0, 1.0));
  }
  normalize();
  if (weights_.size() < 2) return;
  const double each = options_.share / static_cast<double>(weights_.size() - 1);
  for (double& weight : weights_) weight = (1 - options_.share) * weight + each * (1 - weight);
}

void FixedShare::normalize() {
  const double sum = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (double& weight : weights_) weight /= sum;
}

}  // namespace augurfs
