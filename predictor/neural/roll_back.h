#pragma once

#include <cstdint>
#include <optional>

#include "predictor/neural/weights.h"

namespace augurfs {

// Guards weights against training that makes them worse: keeps a copy from when the loss was good,
// and puts it back when the loss has doubled since. The world may have changed instead, so each
// time the bar is raised to what made it act. Thread rule: one thread at a time.
class RollBack {
 public:
  static constexpr std::uint64_t kKeepBatches = 256;  // from copy to copy

  // After each batch. True when the weights are those of the copy again.
  bool watch(float loss, NeuralWeights& weights);

  // Smoothed; nothing before the first batch.
  std::optional<float> loss() const { return loss_; }

 private:
  std::optional<float> loss_;
  std::optional<NeuralWeights> kept_;
  float kept_loss_ = 0;
  std::uint64_t batches_ = 0;
};

}  // namespace augurfs
