#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/eviction.h"
#include "predictor/expert.h"
#include "predictor/experts/hedge.h"
#include "remote/result.h"

namespace augurfs {

// Of ablations().
inline constexpr std::string_view kWithoutStaging = "staging";
inline constexpr std::string_view kWithoutCalibration = "calibration";

// What a policy is made for.
struct PolicySetting {
  std::uint32_t chunk_bytes = 1 << 20;
  std::uint64_t cache_bytes = 0;
  std::uint64_t seed = 0;
  bool beside_readahead = false;   // somebody else reads ahead already
  std::uint64_t around_bytes = 0;  // what comes in a round trip of a quick link, see FetchAround
  // What is left out, for ablations: of ablations().
  std::vector<std::string> without;
  double gate_probability_min = GateOptions().probability_min;  // of "gate" and "neural"
};

// A policy by its name on the command line.
struct Policy {
  std::string_view name;
  std::string_view summary;
  EvictionOptions eviction;
  bool foresight = false;  // with a Foresight beside it
  // kUnavailable when it needs something that this machine has not.
  std::function<Result<std::unique_ptr<Expert>>(const PolicySetting&)> make;
};

// All of them, in the order of a report. The settings in their makers are those tuned on the
// development traces; docs/prediction.md says how.
std::span<const Policy> policies();
// Null when there is none of that name.
const Policy* find_policy(std::string_view name);
std::string policy_names();  // "none-lru, none-s3fifo, ..."
// Those whose experts the gate weighs.
std::span<const std::string_view> gate_experts();
// What a replay can do without: these experts, by their policies' names; "staging", then what is
// prefetched enters the cache like what was asked for; "calibration", then the neural model's
// scores are taken as they are.
std::span<const std::string_view> ablations();
bool leaves_out(std::span<const std::string> without, std::string_view name);

// What a brain thinks with: the policy that `augurfs replay` knows as "hedge", or as "augur" when
// there is somebody who teaches a neural model, beside the daemon's readahead. "hedge" and
// readahead together are the policy "mount".
struct BrainPolicy {
  std::unique_ptr<Expert> expert;
  const Hedge* hedge = nullptr;  // a part of it
};
BrainPolicy make_brain_policy(PolicySetting setting, std::unique_ptr<Learner> learner = nullptr);

}  // namespace augurfs
