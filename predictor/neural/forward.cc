#include "predictor/neural/forward.h"

#include <algorithm>
#include <cmath>

namespace augurfs {
namespace {

// out += in * matrix
template <std::size_t inputs, std::size_t outputs>
void add_product(const std::array<float, inputs>& in, const float* __restrict matrix,
                 std::array<float, outputs>& out) {
  float* __restrict to = out.data();
  for (std::size_t i = 0; i < inputs; ++i) {
    const float value = in[i];
    if (value == 0) continue;
    const float* __restrict row = matrix + i * outputs;
    for (std::size_t o = 0; o < outputs; ++o) to[o] += value * row[o];
  }
}

template <std::size_t size>
std::array<float, size> copy_of(const float* values) {
  std::array<float, size> copy;
  std::copy_n(values, size, copy.begin());
  return copy;
}

float logistic(float value) { return 1.0F / (1.0F + std::exp(-value)); }

}  // namespace

NeuralVector embed(const NeuralWeights& weights, const FeatureBag& bag) {
  NeuralVector sum{};
  float* __restrict to = sum.data();
  for (const std::uint16_t row : bag.rows()) {
    const float* __restrict from = weights.at(Matrix::kTable) + row * kVector;
    for (std::size_t i = 0; i < kVector; ++i) to[i] += from[i];
  }
  return sum;
}

void advance(const NeuralWeights& weights, const NeuralVector& input, NeuralState& state) {
  auto of_input = copy_of<kGates>(weights.at(Matrix::kInputBias));
  auto of_state = copy_of<kGates>(weights.at(Matrix::kStateBias));
  add_product(input, weights.at(Matrix::kInputGates), of_input);
  add_product(state, weights.at(Matrix::kStateGates), of_state);
  for (std::size_t i = 0; i < kState; ++i) {
    const float reset = logistic(of_input[i] + of_state[i]);
    const float update = logistic(of_input[kState + i] + of_state[kState + i]);
    const float fresh = std::tanh(of_input[2 * kState + i] + reset * of_state[2 * kState + i]);
    state[i] = (1.0F - update) * fresh + update * state[i];
  }
}

NeuralVector query_of(const NeuralWeights& weights, const NeuralState& state) {
  auto query = copy_of<kVector>(weights.at(Matrix::kQueryBias));
  add_product(state, weights.at(Matrix::kQuery), query);
  return query;
}

float fit(const NeuralWeights& weights, const NeuralVector& query, const NeuralVector& place) {
  float sum = 0;
  for (std::size_t i = 0; i < kVector; ++i) sum += query[i] * place[i];
  return sum * std::exp(*weights.at(Matrix::kSharpness));
}

HorizonScores rank(const NeuralWeights& weights, const HandFeatures& hand, float fit) {
  std::array<float, kRankInputs> input{};
  std::copy(hand.begin(), hand.end(), input.begin());
  input[kHandFeatures] = fit;
  auto first = copy_of<kFirstHidden>(weights.at(Matrix::kRankFirstBias));
  add_product(input, weights.at(Matrix::kRankFirst), first);
  for (float& value : first) value = std::max(value, 0.0F);
  auto second = copy_of<kSecondHidden>(weights.at(Matrix::kRankSecondBias));
  add_product(first, weights.at(Matrix::kRankSecond), second);
  for (float& value : second) value = std::max(value, 0.0F);
  auto scores = copy_of<kHorizons>(weights.at(Matrix::kRankLastBias));
  add_product(second, weights.at(Matrix::kRankLast), scores);
  return scores;
}

}  // namespace augurfs
