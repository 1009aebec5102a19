#pragma once

#include "predictor/expert.h"

namespace augurfs {

// One-block lookahead with a tag on each block, "prefetch on every reference": A. J. Smith,
// Sequentiality and prefetching in database systems, ACM TODS 3(3), 1978. Each read asks for the
// chunk behind it.
class NextBlock : public Expert {
 public:
  explicit NextBlock(std::uint32_t chunk_bytes) : chunk_bytes_(chunk_bytes) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  const std::uint32_t chunk_bytes_;
};

}  // namespace augurfs
