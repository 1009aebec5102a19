#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "predictor/catalog.h"
#include "predictor/event.h"
#include "predictor/experts/place.h"
#include "predictor/experts/recency_table.h"
#include "predictor/neural/experience.h"
#include "predictor/neural/learner.h"

namespace augurfs {

struct NeuralTermOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::uint64_t seed = 1;             // of what is drawn to learn from
  std::uint64_t settled_reads = 256;  // after so many a candidate that was not read is wrong
  std::size_t streams_max = 1 << 12;
  std::size_t places_max = 1 << 14;  // whose features and vectors are kept
  std::size_t batch_episodes = 32;
  bool is_calibrated = true;  // without: to measure what calibration is worth
};

// What the neural model says of a candidate.
struct NeuralOpinion {
  HorizonScores scores{};  // calibrated logits
  float fit = 0;
  HorizonScores raw{};  // before calibration
  FeatureBag place;
  HandFeatures hand{};
};

// The neural model at work: follows each stream with a recurrent state, says what it thinks of the
// candidates of others, and learns as it goes from what became of them. It proposes nothing itself:
// that was tried, and cost more than it brought (docs/prediction.md).
//
// Bounded in memory: some 50 MB with the trainer's. Deterministic on one machine.
// Thread rule: one thread at a time.
class NeuralTerm {
 public:
  NeuralTerm(const NeuralTermOptions& options, std::unique_ptr<Learner> learner);

  void observe(const Event& event, const Catalog& catalog);
  // Of a candidate, after the event was observed.
  NeuralOpinion weigh(const Event& event, const Place& place, const HandFeatures& hand,
                      const Catalog& catalog);
  // The candidate will be settled; the number to do it by.
  std::uint64_t note(const Event& event, const NeuralOpinion& opinion);
  // It was read so long after; or not at all.
  void settle(std::uint64_t lesson, std::optional<std::chrono::nanoseconds> after);

  const Learner& learner() const { return *learner_; }

 private:
  struct Stream {
    NeuralState state{};
    NeuralVector query{};
    ReadContext context;
    std::chrono::steady_clock::time_point last_time;
    std::uint64_t last_read = 0;  // its number in the experience
  };
  // What a place looks like. The same few are candidates again and again.
  struct Look {
    FeatureBag bag;
    NeuralVector vector{};
    std::optional<std::uint64_t> object_bytes;  // nothing while the object is not known
    std::uint64_t version = 0;  // of the weights when the vector was computed; 0: never
  };

  const Look& look_at(const Place& place, const Catalog& catalog);
  void follow(Stream& stream, const Event& event, const Place& place, const Catalog& catalog);
  void calibrate(std::size_t horizon, float score, bool used);
  void learn();

  const NeuralTermOptions options_;
  const std::unique_ptr<Learner> learner_;
  Experience experience_;
  RecencyTable<Stream> streams_;
  RecencyTable<Look> looks_;
  std::array<float, kHorizons> slope_;  // what makes logits of what was learned from replays
  std::array<float, kHorizons> shift_{};
  std::uint64_t until_learning_ = 16;  // reads; of fewer there is nothing to learn
};

}  // namespace augurfs
