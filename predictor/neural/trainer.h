#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "predictor/neural/forward.h"
#include "predictor/neural/weights.h"

namespace augurfs {

// Of a candidate, when it is known what became of it.
struct Lesson {
  std::size_t read = 0;  // the read it was thought of at: its number in the episode
  FeatureBag place;
  HandFeatures hand{};
  std::array<bool, kHorizons> used{};  // within that time
};

// Reads of one stream, one after the other.
struct Episode {
  struct Read {
    FeatureBag input;       // with its context
    FeatureBag place;       // without
    std::uint64_t key = 0;  // Place::key()
  };
  NeuralState before{};  // the state of the stream as it was then
  std::vector<Read> reads;
  std::vector<Lesson> lessons;
};

// Improves the weights. A class of its own behind this interface since it needs LibTorch, which the
// program does not: see load_trainer().
//
// The loss is that of the candidates, each at all horizons, and that of finding the next reads of a
// stream among all reads of the batch. Deterministic on one machine. Thread rule: one thread at a
// time; computes in the caller's thread and no other.
class Trainer {
 public:
  virtual ~Trainer() = default;

  // One step. The loss before it, or nothing when it is not finite or could not be computed: then
  // nothing has changed.
  virtual std::optional<float> train(std::span<const Episode> batch, NeuralWeights& weights) = 0;
};

}  // namespace augurfs
