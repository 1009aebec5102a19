#pragma once

#include <array>

#include "predictor/experts/place.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct ProbabilityGraphOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::size_t places_max = 1 << 16;  // some 220 bytes each
  std::size_t streams_max = 1 << 12;
  double chance_min = 0.3;
};

// A graph of what is read soon after what: J. Griffioen and R. Appleton, Reducing file system
// latency using a predictive approach, USENIX Summer 1994. An edge's chance is the share of all
// accesses to a place that were followed by the other within the look-ahead of kLookAhead places.
class ProbabilityGraph : public Expert {
 public:
  static constexpr std::size_t kLookAhead = 4;

  explicit ProbabilityGraph(const ProbabilityGraphOptions& options)
      : options_(options), nodes_(options.places_max), streams_(options.streams_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  struct Node {
    Successors<8> edges;
    std::uint32_t visits = 0;
  };

  const ProbabilityGraphOptions options_;
  RecencyTable<Node> nodes_;
  RecencyTable<std::array<Place, kLookAhead>> streams_;  // the last places, the youngest first
};

}  // namespace augurfs
