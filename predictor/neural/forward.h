#pragma once

#include <array>
#include <span>

#include "predictor/neural/weights.h"

namespace augurfs {

using NeuralVector = std::array<float, kVector>;
using NeuralState = std::array<float, kState>;
using HandFeatures = std::array<float, kHandFeatures>;
using HorizonScores = std::array<float, kHorizons>;  // logits

// The network as it is asked, event by event: plain loops over the weights, since a product this
// small costs a library more to set up than to compute. What it computes is what the trainer
// differentiates; a test compares the two. Thread rule: pure functions.

// The sum of the rows.
NeuralVector embed(const NeuralWeights& weights, const FeatureBag& bag);
// One step of the GRU: the state after a read.
void advance(const NeuralWeights& weights, const NeuralVector& input, NeuralState& state);
NeuralVector query_of(const NeuralWeights& weights, const NeuralState& state);
// How well a place fits the query; about -10 to 10.
float fit(const NeuralWeights& weights, const NeuralVector& query, const NeuralVector& place);
HorizonScores rank(const NeuralWeights& weights, const HandFeatures& hand, float fit);

}  // namespace augurfs
