#include "predictor/neural/roll_back.h"

namespace augurfs {

bool RollBack::watch(float loss, NeuralWeights& weights) {
  constexpr float kMemory = 0.02F;
  constexpr float kWorse = 2;
  loss_ = loss_ ? *loss_ + kMemory * (loss - *loss_) : loss;
  ++batches_;
  if (kept_ && *loss_ > kWorse * kept_loss_) {
    weights = *kept_;
    kept_loss_ *= kWorse;
    return true;
  }
  if (batches_ % kKeepBatches == 0) {
    kept_ = weights;
    kept_loss_ = *loss_;
  }
  return false;
}

}  // namespace augurfs
