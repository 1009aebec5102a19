#include "predictor/experts/probation.h"

namespace augurfs {

void Probation::account(double newcomer, double other) {
  newcomer_ = options_.memory * newcomer_ + newcomer;
  other_ = options_.memory * other_ + other;
  if (++trials_ < options_.trials_min) return;
  if (passed_) {
    passed_ = newcomer_ <= other_;
  } else {
    passed_ = newcomer_ < options_.cost_max * other_;
  }
}

}  // namespace augurfs
