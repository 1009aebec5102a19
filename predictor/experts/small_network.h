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
    for (Unit& unit : units_) {
      for (Weight& weight : unit.in) weight.value = draw(scale);
      unit.out.value = draw(0.3F);
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
    for (std::size_t h = 0; h < hidden; ++h) {
      if (active[h] <= 0) continue;
      Unit& unit = units_[h];
      const float back = error * unit.out.value;
      unit.out.step(error * active[h]);
      for (std::size_t i = 0; i < inputs; ++i) {
        if (input[i] != 0) unit.in[i].step(back * input[i]);
      }
      unit.bias.step(back);
    }
    bias_.step(error);
    return said;
  }

 private:
  struct Weight {
    float value = 0;
    float squares = 1e-2F;  // sum of the squares of its gradients

    void step(float gradient) {
      constexpr float kRate = 0.05F;
      squares += gradient * gradient;
      value -= kRate * gradient / std::sqrt(squares);
    }
  };
  struct Unit {
    std::array<Weight, inputs> in;
    Weight bias;
    Weight out;
  };
  using Activations = std::array<float, hidden>;

  float forward(const Input& input, Activations& active) const {
    float sum = bias_.value;
    for (std::size_t h = 0; h < hidden; ++h) {
      const Unit& unit = units_[h];
      float value = unit.bias.value;
      for (std::size_t i = 0; i < inputs; ++i) value += unit.in[i].value * input[i];
      active[h] = std::max(value, 0.0F);
      sum += unit.out.value * active[h];
    }
    return 1.0F / (1.0F + std::exp(-std::clamp(sum, -30.0F, 30.0F)));
  }

  std::array<Unit, hidden> units_;
  Weight bias_;
};

}  // namespace augurfs
