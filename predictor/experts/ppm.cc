#include "predictor/experts/ppm.h"

#include <algorithm>

namespace augurfs {
namespace {

// A context that was seen once says little when it is short, and much when it is long.
constexpr std::array<double, Ppm::kOrders> kEscape = {1.0, 0.5, 0.25};
constexpr double kGapWeight = 0.1;  // of the newest gap

}  // namespace

void Ppm::History::push(const Place& place) {
  std::shift_right(places.begin(), places.end(), 1);
  places[0] = place;
}

std::uint64_t Ppm::History::context(std::size_t order, std::uint64_t program) const {
  constexpr std::uint64_t kOdd = 0xd1342543de82ef95;
  if (places[order - 1].chunks == 0) return 0;
  std::uint64_t hash = program * kOdd + order;
  for (std::size_t i = 0; i < order; ++i) {
    hash = (hash ^ places[i].key()) * kOdd;
    hash ^= hash >> 32U;
  }
  return hash | 1U;
}

void Ppm::observe(const Event& event, const Catalog& /*catalog*/,
                  std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead || event.range.length == 0) return;
  const Place place = place_of(event, options_.chunk_bytes);
  Stream& stream = streams_.at(event.stream);
  if (stream.history.places[0].chunks > 0 && stream.history.places[0] == place) return;
  learn(stream.history, 0, place);
  if (event.program != 0) learn(stream.history, event.program, place);
  stream.history.push(place);
  const std::int64_t now_ns = event.time.time_since_epoch() / std::chrono::nanoseconds(1);
  const auto gap = static_cast<double>(std::max<std::int64_t>(now_ns - stream.last_ns, 0));
  stream.gap_ns += kGapWeight * (gap - stream.gap_ns);
  stream.last_ns = now_ns;
  look_ahead(stream, event.program, candidates);
}

void Ppm::learn(const History& history, std::uint64_t program, const Place& place) {
  for (std::size_t order = 1; order <= kOrders; ++order) {
    const std::uint64_t context = history.context(order, program);
    if (context == 0) return;
    contexts_.at(context).add(place);
  }
}

Ppm::Prediction Ppm::predict(const History& history, std::uint64_t program) {
  for (std::size_t order = kOrders; order > 0; --order) {
    for (const std::uint64_t scope : {program, std::uint64_t{0}}) {
      if (const std::uint64_t context = history.context(order, scope); context != 0) {
        if (const Followers* found = contexts_.find(context)) return {found, kEscape[order - 1]};
      }
      if (program == 0) break;
    }
  }
  return {};
}

void Ppm::look_ahead(const Stream& stream, std::uint64_t program,
                     std::vector<Candidate>& candidates) {
  History history = stream.history;
  double reached = 1;
  for (std::size_t step = 1; step <= options_.steps_max; ++step) {
    const Prediction prediction = predict(history, program);
    if (prediction.followers == nullptr) return;
    const double total = prediction.followers->total() + prediction.escape;
    const std::chrono::nanoseconds lead(
        static_cast<std::int64_t>(stream.gap_ns * static_cast<double>(step)));
    for (const auto& follower : prediction.followers->all()) {
      const double probability = reached * follower.count / total;
      if (follower.count == 0 || probability < options_.probability_min) continue;
      candidates.push_back(
          candidate_for(follower.place, options_.chunk_bytes, probability, lead, ExpertId::kPpm));
    }
    const auto& best = prediction.followers->best();
    reached *= best.count / total;
    if (best.count == 0 || reached < options_.probability_min) return;
    history.push(best.place);
  }
}

}  // namespace augurfs
