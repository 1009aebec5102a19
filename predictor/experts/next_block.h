#pragma once

#include "predictor/expert.h"

namespace augurfs {

// One-block lookahead with a tag on each block, "prefetch on every reference": A. J. Smith,
// Sequentiality and prefetching in database systems, ACM TODS 3(3), 1978. Each read asks for the
// chunk behind it, or for so many of them.
class NextBlock : public Expert {
 public:
  explicit NextBlock(std::uint32_t chunk_bytes, std::uint32_t depth = 1)
      : chunk_bytes_(chunk_bytes), depth_(depth) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  const std::uint32_t chunk_bytes_;
  const std::uint32_t depth_;
};

}  // namespace augurfs
