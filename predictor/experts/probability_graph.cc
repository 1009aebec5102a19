#include "predictor/experts/probability_graph.h"

#include <algorithm>

namespace augurfs {

void ProbabilityGraph::observe(const Event& event, const Catalog& /*catalog*/,
                               std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead || event.range.length == 0) return;
  const Place place = place_of(event, options_.chunk_bytes);
  auto& recent = streams_.at(event.stream);
  if (recent[0].chunks > 0 && recent[0] == place) return;
  for (const Place& former : recent) {
    if (former.chunks == 0 || former == place) break;
    Node& node = nodes_.at(former.key());
    if (node.edges.add(place)) node.visits = (node.visits + 1) / 2;
  }
  std::shift_right(recent.begin(), recent.end(), 1);
  recent[0] = place;
  Node& node = nodes_.at(place.key());
  const double visits = std::max<double>(node.visits++, 1);  // but for this one
  for (const auto& edge : node.edges.all()) {
    const double chance = std::min(1.0, edge.count / visits);
    if (edge.count == 0 || chance < options_.chance_min) continue;
    candidates.push_back(
        candidate_for(edge.place, options_.chunk_bytes, chance, {}, ExpertId::kProbabilityGraph));
  }
}

}  // namespace augurfs
