#include "predictor/neural/weights.h"

#include <cmath>
#include <random>

namespace augurfs {

NeuralWeights::NeuralWeights(std::uint64_t seed) : values_(kCount) {
  std::mt19937_64 random(seed);
  // Not std::uniform_real_distribution: its draws differ between libraries.
  const auto fill = [&](Matrix matrix, float scale) {
    const std::size_t count = shape_of(matrix).rows * shape_of(matrix).columns;
    for (float& value : std::span(at(matrix), count)) {
      value = scale * (static_cast<float>(random() >> 40U) / float{1 << 23} - 1.0F);
    }
  };
  const auto fill_by_inputs = [&](Matrix matrix) {
    fill(matrix, 1.0F / std::sqrt(static_cast<float>(shape_of(matrix).rows)));
  };
  constexpr float kTableScale = 0.15F;  // some twenty rows make a vector
  fill(Matrix::kTable, kTableScale);
  for (const Matrix matrix : {Matrix::kInputGates, Matrix::kStateGates, Matrix::kQuery,
                              Matrix::kRankFirst, Matrix::kRankSecond, Matrix::kRankLast}) {
    fill_by_inputs(matrix);
  }
}

}  // namespace augurfs
