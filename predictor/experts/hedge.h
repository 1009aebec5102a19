#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "predictor/experts/byte_price.h"
#include "predictor/experts/fixed_share.h"
#include "predictor/experts/gate.h"
#include "predictor/experts/ghost_cache.h"
#include "predictor/experts/probation.h"

namespace augurfs {

struct HedgeOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::uint64_t cache_bytes = 0;
  // Somebody else reads ahead anyway: that is in every arm, and never asked for here.
  bool beside_readahead = false;
  // Of the bytes that would be fetched without any prefetch, so many may be.
  double traffic_max = 1.4;
  // Of each ghost. Of a cache that has room for more, a share is simulated.
  std::size_t ghost_chunks_max = 1 << 14;
};

// Which of several policies to believe? Each is an arm: nothing, readahead, what directories and
// names say, PPM, the gate at three thresholds, and all that anybody says. A ghost of the cache
// tells what each would have come to with this very sequence of events, on a sample of the places
// chosen by their hash: what its reads would have waited, and the bytes it would have fetched, at a
// price, once they were read or were not for long. Each so many reads are a trial, after which
// FixedShare moves its belief. A candidate is handed on when the arms that ask for it have half of
// all belief; so when one arm is best for long, it is as if that one ruled alone.
//
// The price of a byte follows the budget: what a ghost of the policy itself fetches against
// `traffic_max` times what a ghost without any prefetch does. It is in the losses, and it is the
// gate's threshold: prefetch pays when the odds of its use are more than its bytes' price over the
// stall that it saves. The gate's other two arms ask for a quarter and for four times of these
// odds.
//
// Where the gate is informed by a neural model, the gate as the model informs it is one more arm.
// It has no vote until it has been cheaper, by a margin, than the gate without the model, and loses
// it when it is not: until then all is as if there were no model.
//
// It begins by believing most in all that anybody says, so that what an expert is sure of is
// fetched from the first event on.
class Hedge : public Expert {
 public:
  enum class Arm { kNone, kReadahead, kNames, kPpm, kGateEager, kGate, kGateShy, kAll, kNeural };
  static constexpr std::size_t kArms = 9;

  // Of a Gate made of experts each of which may be an arm, or a part of one.
  Hedge(const HedgeOptions& options, std::unique_ptr<Gate> gate);

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

  double weight(Arm arm) const { return belief_.weights()[static_cast<std::size_t>(arm)]; }
  double price() const { return price_.price(); }
  // Null when there is none.
  const NeuralTerm* neural() const { return gate_->neural(); }
  bool neural_votes() const { return probation_.passed(); }
  // Of the largest ghost; bounded by twice ghost_chunks_max and what a trial adds.
  std::size_t ghost_chunks() const;

 private:
  // The arms, the policy that they make up, and no prefetch by anybody. The last arm is there only
  // with a neural model; its ghost is empty without.
  static constexpr std::size_t kSelf = kArms;
  static constexpr std::size_t kBare = kArms + 1;
  static constexpr std::size_t kGhosts = kArms + 2;

  // What came of the latest trial so far.
  struct Account {
    Tick stall{};
    std::uint64_t settled_before = 0;
  };

  void begin_anew();
  bool is_sampled(ObjectId object, std::uint32_t chunk) const;
  void read(const Event& event);
  void measure(const Event& event);
  bool is_surprise(Tick now);
  Tick fetch() const;
  void end_trial();
  double bytes_of_miss() const;
  std::size_t arms() const { return gate_->neural() != nullptr ? kArms : kArms - 1; }
  void judge(std::array<double, kArms>& costs);
  bool asks(Arm arm, const Gate::Opinion& opinion) const;
  void weigh(const Gate::Opinion& opinion, const Event& event, const Catalog& catalog,
             std::vector<Candidate>& candidates);
  std::uint64_t sample(ObjectId object, ByteRange range, std::uint64_t object_bytes);

  const HedgeOptions options_;
  const std::unique_ptr<Gate> gate_;
  FixedShare belief_;
  Probation probation_;  // of the arm with the neural model
  BytePrice price_;
  std::vector<GhostCache> ghosts_;
  std::array<Account, kGhosts> accounts_{};
  std::uint64_t fetched_before_ = 0;        // by the policy, before the latest trial
  std::vector<GhostCache::Chunk> sampled_;  // of a read or candidate
  unsigned sample_shift_ = 0;               // one place in 2^n
  std::uint64_t trial_reads_ = 0;
  RecencyTable<std::optional<Tick>> asked_;  // chunks, by anybody: when last
  RecencyTable<bool> missed_;  // by stream: its latest read missed what nobody had asked for
  Tick fetch_{};               // how long that took, lately; 0 when not known
  double misses_ = 0;          // of the ghost without any prefetch, lately
  double missed_bytes_ = 0;    // fetched by it
};

}  // namespace augurfs
