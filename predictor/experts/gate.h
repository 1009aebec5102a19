#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "predictor/experts/place.h"
#include "predictor/experts/recency_table.h"
#include "predictor/experts/small_network.h"
#include "predictor/neural/neural_term.h"

namespace augurfs {

struct GateOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::uint64_t seed = 1;
  double probability_min = 0.3;
  std::size_t candidates_max = 48;    // weighed for one event
  std::uint64_t horizon_reads = 256;  // "soon": so many reads later, of all streams
  std::size_t places_max = 1 << 16;   // some 50 bytes each
  std::size_t streams_max = 1 << 12;
};

// Weighs the candidates of other experts: which of them will be read soon? A small network looks at
// what each expert said and at the past of the place and of the stream. It is trained as it goes:
// each candidate is noted, and is an example for it or against it when it was read, or was not,
// within the horizon. What it finds likely enough it hands on, with its own probability. A listing
// costs a request and no bytes, and what comes of it no read tells: it is handed on unweighed.
//
// With a neural model there is a second network, informed by what the model says of each candidate
// as well. The first knows nothing of it, so that the two can be held against each other.
class Gate : public Expert {
 public:
  // `neural` may be null.
  Gate(const GateOptions& options, std::vector<std::unique_ptr<Expert>> experts,
       std::unique_ptr<NeuralTerm> neural = nullptr);

  // Null when there is none.
  const NeuralTerm* neural() const { return neural_.get(); }

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

  // What an expert said, and how likely the gate finds it: 0 when that was not weighed, because it
  // is a listing or too much was said.
  struct Opinion {
    Candidate candidate;
    float probability = 0;
    float informed = 0;  // by the neural model; the same when there is none
  };
  // For who decides by himself: learns from the event like observe(), in its place, and hands on
  // all that was said, as it was said. Valid until the next event.
  std::span<const Opinion> weigh(const Event& event, const Catalog& catalog);

 private:
  // Said and how surely, for each expert; then what `describe` adds.
  static constexpr std::size_t kExperts = 14;
  static constexpr std::size_t kFeatures = 2 * kExperts + 11;
  static_assert(kFeatures == kHandFeatures);
  static constexpr std::size_t kNeuralFeatures = kHorizons + 1;
  static constexpr std::size_t kHidden = 24;
  static constexpr std::size_t kNone = ~std::size_t{0};
  using Network = SmallNetwork<kFeatures, kHidden>;
  using InformedNetwork = SmallNetwork<kFeatures + kNeuralFeatures, kHidden>;

  struct Known {                  // of a place
    std::uint64_t last_read = 0;  // its number; 0: never
    std::uint64_t last_proposed = 0;
    std::uint32_t reads = 0;
  };
  struct Stream {
    Place last;
    float sequential = 0;  // share of its latest reads that went on where the one before ended
    float trust = 0.5F;    // share of its latest candidates that were read
  };
  struct Proposal {
    Candidate candidate;
    Place place;
    Network::Input input{};
    NeuralOpinion opinion;
    float probability = 0;
    float informed = 0;
  };
  struct Example {
    std::uint64_t key = 0;
    std::uint64_t read = 0;  // when it was proposed
    std::uint64_t stream = 0;
    Network::Input input{};
    std::chrono::steady_clock::time_point time;
    std::array<float, kNeuralFeatures> said{};  // by the neural model
    std::uint64_t lesson = 0;                   // of the neural model
  };

  static std::array<float, kNeuralFeatures> features_of(const NeuralOpinion& opinion);
  static InformedNetwork::Input informed_input(const Network::Input& input,
                                               const std::array<float, kNeuralFeatures>& said);
  void settle(const Place& place, std::chrono::steady_clock::time_point now);
  void learn(const Example& example, bool outcome);
  void learn_from(const Event& event, const Place& here);
  void pool(const Event& event, const Catalog& catalog);
  std::size_t proposal_for(const Candidate& candidate);
  void describe(Proposal& proposal, const Event& event, const Place& here, const Stream& stream);
  void note(const Proposal& proposal, const Event& event);

  const GateOptions options_;
  const std::vector<std::unique_ptr<Expert>> experts_;
  const std::unique_ptr<NeuralTerm> neural_;
  Network network_;
  InformedNetwork informed_;
  RecencyTable<Known> places_;
  RecencyTable<Stream> streams_;
  std::uint64_t reads_ = 0;
  std::deque<Example> open_;                                      // the oldest first
  std::uint64_t open_number_ = 0;                                 // of the oldest
  std::unordered_map<std::uint64_t, std::uint64_t> open_by_key_;  // to the example's number
  std::vector<Candidate> said_;
  std::vector<Proposal> proposals_;
  std::vector<std::size_t> proposal_of_;  // of each that was said; kNone
  std::vector<Opinion> opinions_;
};

}  // namespace augurfs
