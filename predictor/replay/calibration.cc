#include "predictor/replay/calibration.h"

#include <cmath>

namespace augurfs {

void Calibration::fetched(const ChunkId& chunk, float probability) {
  const double said = std::clamp<double>(probability, 0, 1);
  const auto bin = std::min(static_cast<std::size_t>(said * static_cast<double>(bins_.size())),
                            bins_.size() - 1);
  bins_[bin].said += said;
  ++bins_[bin].fetched;
  promises_.at(ChunkIdHash{}(chunk)) = {static_cast<std::uint8_t>(bin), true};
}

void Calibration::used(const ChunkId& chunk) {
  Promise* const promise = promises_.find(ChunkIdHash{}(chunk));
  if (promise == nullptr || !promise->open) return;
  promise->open = false;
  ++bins_[promise->bin].used;
}

double Calibration::error() const {
  double sum = 0;
  std::uint64_t all = 0;
  for (const Bin& bin : bins_) {
    sum += std::abs(bin.said - static_cast<double>(bin.used));
    all += bin.fetched;
  }
  return all == 0 ? 0 : sum / static_cast<double>(all);
}

}  // namespace augurfs
