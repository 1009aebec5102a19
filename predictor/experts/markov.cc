#include "predictor/experts/markov.h"

#include <utility>

namespace augurfs {

void Markov::observe(const Event& event, const Catalog& /*catalog*/,
                     std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead || event.range.length == 0) return;
  const Place place = place_of(event, options_.chunk_bytes);
  const Place former = std::exchange(streams_.at(event.stream), place);
  if (former == place) return;
  if (former.chunks > 0) places_.at(former.key()).add(place);
  const auto* known = places_.find(place.key());
  if (known == nullptr) return;
  for (const auto& successor : known->all()) {
    const double probability = static_cast<double>(successor.count) / known->total();
    if (successor.count == 0 || probability < options_.probability_min) continue;
    candidates.push_back(
        candidate_for(successor.place, options_.chunk_bytes, probability, {}, ExpertId::kMarkov));
  }
}

}  // namespace augurfs
