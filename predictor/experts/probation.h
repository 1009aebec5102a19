#pragma once

#include <cstdint>

namespace augurfs {

struct ProbationOptions {
  double cost_max = 0.95;         // of the other's cost, to pass
  std::uint64_t trials_min = 64;  // before it can
  double memory = 0.995;          // of earlier trials, after each
};

// Whether somebody new has earned a vote: only while of late he would have cost less, by a margin,
// than the one he would replace, in trials that both went through and neither ruled. He loses it
// when he costs more. Thread rule: one thread at a time.
class Probation {
 public:
  explicit Probation(const ProbationOptions& options = {}) : options_(options) {}

  // A trial is over, and would have cost so much.
  void account(double newcomer, double other);
  bool passed() const { return passed_; }

 private:
  const ProbationOptions options_;
  double newcomer_ = 0;
  double other_ = 0;
  std::uint64_t trials_ = 0;
  bool passed_ = false;
};

}  // namespace augurfs
