#include "predictor/experts/gate.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace augurfs {
namespace {

constexpr float kMemory = 0.05F;  // weight of the newest in what is smoothed

void smooth(float& value, bool outcome) { value += kMemory * ((outcome ? 1.0F : 0.0F) - value); }

// Spreads counts and distances over 0 to 1, more or less.
float logarithmic(std::uint64_t count) {
  constexpr float kScale = 1.0F / 16;
  return kScale * std::log2(1.0F + static_cast<float>(count));
}

}  // namespace

Gate::Gate(const GateOptions& options, std::vector<std::unique_ptr<Expert>> experts,
           std::unique_ptr<NeuralTerm> neural)
    : options_(options),
      experts_(std::move(experts)),
      neural_(std::move(neural)),
      network_(options.seed),
      informed_(options.seed),
      places_(options.places_max),
      streams_(options.streams_max) {}

void Gate::observe(const Event& event, const Catalog& catalog, std::vector<Candidate>& candidates) {
  weigh(event, catalog);
  const std::size_t first = candidates.size();
  for (const Proposal& proposal : proposals_) {
    if (proposal.informed < options_.probability_min) continue;
    candidates.push_back(proposal.candidate);
    candidates.back().probability = proposal.informed;
  }
  // The likeliest first, and of those as likely the one that was said first.
  std::stable_sort(
      candidates.begin() + static_cast<std::ptrdiff_t>(first), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return a.probability > b.probability; });
  std::copy_if(said_.begin(), said_.end(), std::back_inserter(candidates),
               [](const Candidate& candidate) { return candidate.is_listing(); });
}

std::span<const Gate::Opinion> Gate::weigh(const Event& event, const Catalog& catalog) {
  pool(event, catalog);
  const bool is_read = event.operation == Operation::kRead && event.range.length > 0;
  const Place here = is_read ? place_of(event, options_.chunk_bytes) : Place{};
  if (neural_) neural_->observe(event, catalog);
  if (is_read) learn_from(event, here);
  const Stream stream = streams_.at(event.stream);
  for (Proposal& proposal : proposals_) {
    describe(proposal, event, here, stream);
    proposal.probability = network_.score(proposal.input);
    proposal.informed = proposal.probability;
    if (neural_) {
      proposal.opinion = neural_->weigh(event, proposal.place, proposal.input, catalog);
      proposal.informed =
          informed_.score(informed_input(proposal.input, features_of(proposal.opinion)));
    }
    note(proposal, event);
  }
  opinions_.clear();
  for (std::size_t i = 0; i < said_.size(); ++i) {
    const std::size_t of = proposal_of_[i];
    opinions_.push_back({said_[i], of == kNone ? 0 : proposals_[of].probability,
                         of == kNone ? 0 : proposals_[of].informed});
  }
  return opinions_;
}

void Gate::learn_from(const Event& event, const Place& here) {
  ++reads_;
  settle(here, event.time);
  Known& known = places_.at(here.key());
  known.last_read = reads_;
  ++known.reads;
  Stream& stream = streams_.at(event.stream);
  smooth(stream.sequential,
         stream.last.object == here.object && stream.last.chunk + stream.last.chunks == here.chunk);
  stream.last = here;
}

// Asks the experts, and puts together what several of them said.
void Gate::pool(const Event& event, const Catalog& catalog) {
  proposals_.clear();
  proposal_of_.clear();
  said_.clear();
  for (const auto& expert : experts_) expert->observe(event, catalog, said_);
  for (const Candidate& candidate : said_) {
    const std::size_t found = proposal_for(candidate);
    proposal_of_.push_back(found);
    const auto expert = static_cast<std::size_t>(candidate.expert);
    if (found == kNone || expert >= kExperts) continue;
    auto& input = proposals_[found].input;
    input[expert] = std::max(input[expert], candidate.probability);
    input[kExperts + expert] = 1;
  }
}

// kNone when it is not weighed.
std::size_t Gate::proposal_for(const Candidate& candidate) {
  if (candidate.is_listing()) return kNone;
  const auto chunk = static_cast<std::uint32_t>(candidate.range.offset / options_.chunk_bytes);
  const auto chunks = static_cast<std::uint32_t>(
      (candidate.range.length + options_.chunk_bytes - 1) / options_.chunk_bytes);
  const Place place{candidate.object, chunk, chunks};
  const auto found =
      std::find_if(proposals_.begin(), proposals_.end(),
                   [&](const Proposal& proposal) { return proposal.place == place; });
  const auto at = static_cast<std::size_t>(found - proposals_.begin());
  if (found == proposals_.end()) {
    if (proposals_.size() >= options_.candidates_max) return kNone;
    proposals_.push_back({candidate, place, {}, {}});
  } else if (candidate.probability > found->candidate.probability) {
    found->candidate = candidate;
    found->place = place;
  }
  return at;
}

void Gate::describe(Proposal& proposal, const Event& event, const Place& here,
                    const Stream& stream) {
  Known& known = places_.at(proposal.place.key());
  const bool same_object = proposal.place.object == event.object && here.chunks > 0;
  const std::int64_t step =
      same_object ? std::int64_t{proposal.place.chunk} - std::int64_t{here.chunk} : 0;
  const auto distance = static_cast<std::uint64_t>(step < 0 ? -step : step);
  const auto said =
      std::count(proposal.input.begin() + kExperts, proposal.input.begin() + 2 * kExperts, 1.0F);
  std::size_t at = 2 * kExperts;
  const auto add = [&](float value) { proposal.input[at++] = value; };
  add(static_cast<float>(said) / kExperts);
  add(logarithmic(known.reads));
  add(known.last_read == 0 ? 1.0F : 0.0F);
  add(known.last_read == 0 ? 0.0F : logarithmic(reads_ - known.last_read));
  add(known.last_proposed == 0 ? 1.0F : logarithmic(reads_ - known.last_proposed));
  add(same_object ? 1.0F : 0.0F);
  add(step < 0 ? -logarithmic(distance) : logarithmic(distance));
  add(event.hit ? 1.0F : 0.0F);
  add(stream.sequential);
  add(stream.trust);
  add(logarithmic(proposal.place.chunks));
  known.last_proposed = reads_;
}

std::array<float, Gate::kNeuralFeatures> Gate::features_of(const NeuralOpinion& opinion) {
  constexpr float kScale = 0.25F;
  constexpr float kLogitMax = 8;
  std::array<float, kNeuralFeatures> features{};
  std::copy(opinion.scores.begin(), opinion.scores.end(), features.begin());
  features.back() = opinion.fit;
  for (float& feature : features) feature = kScale * std::clamp(feature, -kLogitMax, kLogitMax);
  return features;
}

Gate::InformedNetwork::Input Gate::informed_input(const Network::Input& input,
                                                  const std::array<float, kNeuralFeatures>& said) {
  InformedNetwork::Input both{};
  std::copy(said.begin(), said.end(), std::copy(input.begin(), input.end(), both.begin()));
  return both;
}

// One example of a place at a time: many of them would say the same.
void Gate::note(const Proposal& proposal, const Event& event) {
  // Opens and lookups propose as well, and may be many between two reads.
  if (open_.size() >= options_.horizon_reads * options_.candidates_max) return;
  const std::uint64_t key = proposal.place.key();
  if (!open_by_key_.emplace(key, open_number_ + open_.size()).second) return;
  open_.push_back({key, reads_, event.stream, proposal.input, event.time, {}, 0});
  if (!neural_) return;
  open_.back().said = features_of(proposal.opinion);
  open_.back().lesson = neural_->note(event, proposal.opinion);
}

// The place was read: examples of it are for it, those beyond the horizon against.
void Gate::settle(const Place& place, std::chrono::steady_clock::time_point now) {
  constexpr std::uint32_t kChunksMax = 16;  // a long read settles what it begins with
  for (std::uint32_t i = 0; i < std::min(place.chunks, kChunksMax); ++i) {
    const auto found = open_by_key_.find(Place{place.object, place.chunk + i, 1}.key());
    if (found == open_by_key_.end()) continue;
    Example& example = open_[static_cast<std::size_t>(found->second - open_number_)];
    learn(example, true);
    if (neural_) neural_->settle(example.lesson, now - example.time);
    example.key = 0;  // settled
    open_by_key_.erase(found);
  }
  while (!open_.empty() &&
         (open_.front().key == 0 || reads_ - open_.front().read > options_.horizon_reads)) {
    if (open_.front().key != 0) {
      learn(open_.front(), false);
      if (neural_) neural_->settle(open_.front().lesson, std::nullopt);
      open_by_key_.erase(open_.front().key);
    }
    open_.pop_front();
    ++open_number_;
  }
}

void Gate::learn(const Example& example, bool outcome) {
  network_.train(example.input, outcome);
  if (neural_) informed_.train(informed_input(example.input, example.said), outcome);
  smooth(streams_.at(example.stream).trust, outcome);
}

}  // namespace augurfs
