#include "predictor/neural/neural_term.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace augurfs {

NeuralTerm::NeuralTerm(const NeuralTermOptions& options, std::unique_ptr<Learner> learner)
    : options_(options),
      learner_(std::move(learner)),
      experience_(options.seed),
      streams_(options.streams_max),
      looks_(options.places_max) {
  slope_.fill(1);
}

void NeuralTerm::observe(const Event& event, const Catalog& catalog) {
  if (event.operation != Operation::kRead || event.range.length == 0) return;
  learner_->refresh();
  const NeuralWeights& weights = learner_->weights();
  const Place place = place_of(event, options_.chunk_bytes);
  Stream& stream = streams_.at(event.stream);
  Episode::Read read;
  read.key = place.key();
  read.place = look_at(place, catalog).bag;
  read.input = read.place;
  stream.context.program = event.program;
  stream.context.gap = event.time - stream.last_time;
  add_context(read.input, place, stream.context);
  stream.last_read = experience_.add(read, stream.state, stream.last_read);
  advance(weights, embed(weights, read.input), stream.state);
  stream.query = query_of(weights, stream.state);
  stream.last_time = event.time;
  stream.context.before_that = std::exchange(stream.context.before, place);
  learn();
}

// Valid until the next call.
const NeuralTerm::Look& NeuralTerm::look_at(const Place& place, const Catalog& catalog) {
  Look& look = looks_.at(place.key());
  const Version* const version = catalog.version(place.object);
  const bool is_new = version != nullptr && look.object_bytes != version->size;
  if (is_new || look.version == 0) {
    look.bag = version != nullptr ? features_of(*version) : FeatureBag{};
    if (version != nullptr) look.object_bytes = version->size;
    add_place(look.bag, place, look.object_bytes.value_or(0), options_.chunk_bytes);
  }
  if (is_new || look.version != learner_->version()) {
    look.vector = embed(learner_->weights(), look.bag);
    look.version = learner_->version();
  }
  return look;
}

NeuralOpinion NeuralTerm::weigh(const Event& event, const Place& place, const HandFeatures& hand,
                                const Catalog& catalog) {
  NeuralOpinion opinion;
  const Look& look = look_at(place, catalog);
  opinion.place = look.bag;
  opinion.hand = hand;
  opinion.fit = fit(learner_->weights(), streams_.at(event.stream).query, look.vector);
  opinion.raw = rank(learner_->weights(), hand, opinion.fit);
  for (std::size_t h = 0; h < kHorizons; ++h) {
    opinion.scores[h] = slope_[h] * opinion.raw[h] + shift_[h];
  }
  return opinion;
}

std::uint64_t NeuralTerm::note(const Event& event, const NeuralOpinion& opinion) {
  return experience_.note(streams_.at(event.stream).last_read, opinion.place, opinion.hand,
                          opinion.raw);
}

void NeuralTerm::settle(std::uint64_t lesson, std::optional<std::chrono::nanoseconds> after) {
  Experience::Noted* const noted = experience_.noted(lesson);
  if (noted == nullptr) return;
  noted->settled = true;
  for (std::size_t h = 0; h < kHorizons; ++h) {
    const bool used = after && *after <= std::chrono::milliseconds(kHorizonsMs[h]);
    noted->lesson.used[h] = used;
    if (options_.is_calibrated) calibrate(h, noted->scores[h], used);
  }
}

// Platt's scaling, by what became of each candidate once and in order.
void NeuralTerm::calibrate(std::size_t horizon, float score, bool used) {
  constexpr float kRate = 0.003F;
  constexpr float kSlopeMin = 0.1F;
  constexpr float kSlopeMax = 3;
  const float said = 1.0F / (1.0F + std::exp(-(slope_[horizon] * score + shift_[horizon])));
  const float error = said - (used ? 1.0F : 0.0F);
  slope_[horizon] = std::clamp(slope_[horizon] - kRate * error * score, kSlopeMin, kSlopeMax);
  shift_[horizon] -= kRate * error;
}

void NeuralTerm::learn() {
  // The less there is to learn from, the more often: a batch for every 64 reads at first, from some
  // 5,000 reads on for every 256, so that in the long run each read is learned from twice.
  constexpr std::uint64_t kSoonest = 64;
  constexpr std::uint64_t kLatest = 256;
  constexpr std::uint64_t kReadsToSlowDown = 20;
  if (until_learning_ > 0) --until_learning_;
  if (until_learning_ > 0 || !learner_->is_ready()) return;
  until_learning_ = std::clamp(experience_.reads() / kReadsToSlowDown, kSoonest, kLatest);
  learner_->learn(experience_.draw(options_.batch_episodes, options_.settled_reads));
}

}  // namespace augurfs
