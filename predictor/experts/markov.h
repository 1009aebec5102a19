#pragma once

#include "predictor/experts/place.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct MarkovOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::size_t places_max = 1 << 16;  // some 110 bytes each
  std::size_t streams_max = 1 << 12;
  double probability_min = 0.3;
};

// First-order Markov prefetching: D. Joseph and D. Grunwald, Prefetching using Markov predictors,
// ISCA 1997. Asks for what has followed this place before, in any stream, often enough.
class Markov : public Expert {
 public:
  explicit Markov(const MarkovOptions& options)
      : options_(options), places_(options.places_max), streams_(options.streams_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  const MarkovOptions options_;
  RecencyTable<Successors<4>> places_;
  RecencyTable<Place> streams_;  // where each was last
};

}  // namespace augurfs
