#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "predictor/neural/features.h"

namespace augurfs {

// A candidate is read within so long after it was thought of.
inline constexpr std::array<std::int64_t, 4> kHorizonsMs = {80, 1'000, 10'000, 300'000};
inline constexpr std::size_t kHorizons = kHorizonsMs.size();

inline constexpr std::size_t kVector = 64;                     // of an object, a place, a query
inline constexpr std::size_t kState = 96;                      // of a stream
inline constexpr std::size_t kGates = 3 * kState;              // reset, update, new
inline constexpr std::size_t kHandFeatures = 39;               // of a candidate, from the gate
inline constexpr std::size_t kRankInputs = kHandFeatures + 1;  // and query . candidate
inline constexpr std::size_t kFirstHidden = 64;
inline constexpr std::size_t kSecondHidden = 32;

// The matrices of the network, each with a row for each input, so that a product goes along memory.
enum class Matrix : std::uint8_t {
  kTable,
  kInputGates,  // of the GRU: from what was read
  kInputBias,
  kStateGates,  // and from the state
  kStateBias,
  kQuery,
  kQueryBias,
  kRankFirst,
  kRankFirstBias,
  kRankSecond,
  kRankSecondBias,
  kRankLast,
  kRankLastBias,
  kSharpness,  // of query . candidate, as a logarithm
};

struct MatrixShape {
  std::size_t rows = 1;
  std::size_t columns = 1;
};

inline constexpr std::array<MatrixShape, 14> kMatrixShapes = {{
    {kFeatureRows, kVector},
    {kVector, kGates},
    {1, kGates},
    {kState, kGates},
    {1, kGates},
    {kState, kVector},
    {1, kVector},
    {kRankInputs, kFirstHidden},
    {1, kFirstHidden},
    {kFirstHidden, kSecondHidden},
    {1, kSecondHidden},
    {kSecondHidden, kHorizons},
    {1, kHorizons},
    {1, 1},
}};

constexpr MatrixShape shape_of(Matrix matrix) {
  return kMatrixShapes[static_cast<std::size_t>(matrix)];
}

// Of its first weight among all.
constexpr std::size_t offset_of(Matrix matrix) {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(matrix); ++i) {
    offset += kMatrixShapes[i].rows * kMatrixShapes[i].columns;
  }
  return offset;
}

// All weights of the neural model, one after the other: 8.6 MB.
// Thread rule: as a vector.
class NeuralWeights {
 public:
  // Drawn at random, the same for the same seed.
  explicit NeuralWeights(std::uint64_t seed);

  static constexpr std::size_t kCount = offset_of(Matrix::kSharpness) + 1;

  float* at(Matrix matrix) { return values_.data() + offset_of(matrix); }
  const float* at(Matrix matrix) const { return values_.data() + offset_of(matrix); }
  std::span<float> values() { return values_; }
  std::span<const float> values() const { return values_; }

 private:
  std::vector<float> values_;
};

}  // namespace augurfs
