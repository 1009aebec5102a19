#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>

namespace augurfs {

// A network of one hidden layer that says how likely something is, trained as it goes by Adagrad on
// the logarithmic loss. Its answers are the same for the same seed and examples.
// Thread rule: one thread at a time.
template <std::size_t inputs, std::size_t hidden>
class SmallNetwork {
 public:
  using Input = std::array<float, inputs>;

  explicit SmallNetwork(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    // Not std::uniform_real_distribution: its draws differ between libraries.
    const auto draw = [&](float scale) {
      return scale * (static_cast<float>(random() >> 40U) / float{1 << 23} - 1.0F);
    };
    const float scale = 1.0F / std::sqrt(static_cast<float>(inputs));
    for (std::size_t h = 0; h < hidden; ++h) {
      for (Layer& from : in_) from.values[h] = draw(scale);
      out_.values[h] = draw(0.3F);
    }
  }

  // A probability.
  float score(const Input& input) const {
    Activations active;
    return forward(input, active);
  }

  // It was so, or not. Returns what it would have said.
  float train(const Input& input, bool outcome) {
    Activations active;
    const float said = forward(input, active);
    const float error = said - (outcome ? 1.0F : 0.0F);
    // What each hidden unit has to answer for; nothing when it was silent.
    std::array<float, hidden> back{};
    for (std::size_t h = 0; h < hidden; ++h) {
      if (active[h] <= 0) continue;
      back[h] = error * out_.values[h];
      out_.step(h, error * active[h]);
      bias_.step(h, back[h]);
    }
    for (std::size_t i = 0; i < inputs; ++i) {
      if (input[i] == 0) continue;
      for (std::size_t h = 0; h < hidden; ++h) {
        if (back[h] != 0) in_[i].step(h, back[h] * input[i]);
      }
    }
    out_bias_.step(0, error);
    return said;
  }

 private:
  // Weights from one input to each hidden unit, side by side: so the processor reckons with several
  // at once, and an input of 0, as most are, costs nothing.
  template <std::size_t size>
  struct Weights {
    std::array<float, size> values{};
    std::array<float, size> squares;  // sums of the squares of their gradients

    Weights() { squares.fill(1e-2F); }
    void step(std::size_t at, float gradient) {
      constexpr float kRate = 0.05F;
      squares[at] += gradient * gradient;
      values[at] -= kRate * gradient / std::sqrt(squares[at]);
    }
  };
  using Layer = Weights<hidden>;
  using Activations = std::array<float, hidden>;

  float forward(const Input& input, Activations& active) const {
    active = bias_.values;
    for (std::size_t i = 0; i < inputs; ++i) {
      const float value = input[i];
      if (value == 0) continue;
      const auto& weights = in_[i].values;
      for (std::size_t h = 0; h < hidden; ++h) active[h] += weights[h] * value;
    }
    float sum = out_bias_.values[0];
    for (std::size_t h = 0; h < hidden; ++h) {
      active[h] = std::max(active[h], 0.0F);
      sum += out_.values[h] * active[h];
    }
    return 1.0F / (1.0F + std::exp(-std::clamp(sum, -30.0F, 30.0F)));
  }

  std::array<Layer, inputs> in_;
  Layer bias_;
  Layer out_;
  Weights<1> out_bias_;
};

}  // namespace augurfs
