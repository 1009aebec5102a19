#include "predictor/experts/byte_price.h"

#include <algorithm>
#include <cmath>

namespace augurfs {

void BytePrice::account(double spent, double allowed) {
  spent_ = options_.memory * spent_ + spent;
  allowed_ = options_.memory * allowed_ + allowed;
  const double most = std::max(spent_, allowed_);
  if (most <= 0) return;
  // From -1, nothing spent, to 1, nothing allowed.
  const double over = (spent_ - allowed_) / most;
  price_ = std::clamp(price_ * std::exp(options_.gain * over), options_.min, options_.max);
}

}  // namespace augurfs
