#include "predictor/policies.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "predictor/experts/capsule.h"
#include "predictor/experts/directory_shuffle.h"
#include "predictor/experts/directory_sweep.h"
#include "predictor/experts/expert_pool.h"
#include "predictor/experts/gate.h"
#include "predictor/experts/hedge.h"
#include "predictor/experts/leap.h"
#include "predictor/experts/markov.h"
#include "predictor/experts/mithril.h"
#include "predictor/experts/name_templates.h"
#include "predictor/experts/next_block.h"
#include "predictor/experts/ppm.h"
#include "predictor/experts/probability_graph.h"
#include "predictor/experts/start_up_set.h"
#include "predictor/fetch_around.h"
#include "predictor/neural/load_trainer.h"
#include "predictor/neural/neural_term.h"
#include "predictor/readahead.h"

namespace augurfs {
namespace {

class Nothing : public Expert {
 public:
  void observe(const Event& /*event*/, const Catalog& /*catalog*/,
               std::vector<Candidate>& /*candidates*/) override {}
};

std::unique_ptr<Expert> make_nothing(const PolicySetting& /*setting*/) {
  return std::make_unique<Nothing>();
}

// As a mount makes it.
std::unique_ptr<Expert> make_readahead(const PolicySetting& setting) {
  constexpr std::uint64_t kCacheShare = 8;
  ReadaheadOptions options;
  options.ahead_bytes_max = [share = setting.cache_bytes / kCacheShare] {
    return std::min(kReadaheadBytesMax, share);
  };
  return std::make_unique<Readahead>(options);
}

std::unique_ptr<Expert> make_around(const PolicySetting& setting) {
  constexpr std::uint64_t kCacheShare = 8;
  FetchAroundOptions options;
  options.around_bytes = [bytes = setting.around_bytes] { return bytes; };
  options.object_bytes_max = [share = setting.cache_bytes / kCacheShare] {
    return std::min(kReadaheadBytesMax, share);
  };
  return std::make_unique<FetchAround>(options);
}

template <typename Made, typename Options>
std::unique_ptr<Expert> make_of_chunks(const PolicySetting& setting) {
  Options options;
  options.chunk_bytes = setting.chunk_bytes;
  return std::make_unique<Made>(options);
}

std::unique_ptr<Expert> make_next_block(const PolicySetting& setting) {
  return std::make_unique<NextBlock>(setting.chunk_bytes);
}

std::unique_ptr<Expert> make_sweep(const PolicySetting& setting) {
  constexpr std::uint64_t kCacheShare = 8;
  DirectorySweepOptions options;
  options.window_bytes_max = std::min(options.window_bytes_max, setting.cache_bytes / kCacheShare);
  return std::make_unique<DirectorySweep>(options);
}

std::unique_ptr<Expert> make_shuffle(const PolicySetting& setting) {
  constexpr std::uint64_t kCacheShare = 8;
  DirectoryShuffleOptions options;
  options.ahead_bytes_max = std::min(options.ahead_bytes_max, setting.cache_bytes / kCacheShare);
  return std::make_unique<DirectoryShuffle>(options);
}

template <typename Made, typename Options>
std::unique_ptr<Expert> make_of_names(const PolicySetting& /*setting*/) {
  return std::make_unique<Made>(Options{});
}

// For the gate experts speak at low thresholds: what is worth its bytes is the gate's to say.
std::unique_ptr<Expert> make_bold_ppm(const PolicySetting& setting) {
  return std::make_unique<Ppm>(
      PpmOptions{.chunk_bytes = setting.chunk_bytes, .probability_min = 0.05});
}

std::unique_ptr<Expert> make_bold_graph(const PolicySetting& setting) {
  return std::make_unique<ProbabilityGraph>(
      ProbabilityGraphOptions{.chunk_bytes = setting.chunk_bytes, .chance_min = 0.05});
}

std::unique_ptr<Expert> make_next_blocks(const PolicySetting& setting) {
  constexpr std::uint32_t kBlocksAhead = 8;
  return std::make_unique<NextBlock>(setting.chunk_bytes, kBlocksAhead);
}

constexpr std::array<std::string_view, 10> kGateExperts = {
    "sweep",     "shuffle", "names", "startup", "ppm3",
    "probgraph", "mithril", "leap",  "obl",     "readahead"};  // last: it may say very much at once
constexpr std::array kGateMakers = {make_sweep,
                                    make_shuffle,
                                    make_of_names<NameTemplates, NameTemplatesOptions>,
                                    make_of_names<StartUpSet, StartUpSetOptions>,
                                    make_bold_ppm,
                                    make_bold_graph,
                                    make_of_chunks<Mithril, MithrilOptions>,
                                    make_of_chunks<Leap, LeapOptions>,
                                    make_next_blocks,
                                    make_readahead};
static_assert(kGateExperts.size() == kGateMakers.size());

// Informed by a neural model when there is somebody who teaches one.
std::unique_ptr<Gate> gate_of_all(const PolicySetting& setting,
                                  std::unique_ptr<Learner> learner = nullptr) {
  std::vector<std::unique_ptr<Expert>> experts;
  for (std::size_t i = 0; i < kGateExperts.size(); ++i) {
    if (!leaves_out(setting.without, kGateExperts[i])) experts.push_back(kGateMakers[i](setting));
  }
  GateOptions options;
  options.chunk_bytes = setting.chunk_bytes;
  options.seed = setting.seed;
  options.probability_min = setting.gate_probability_min;
  if (learner == nullptr) return std::make_unique<Gate>(options, std::move(experts));
  NeuralTermOptions neural;
  neural.chunk_bytes = setting.chunk_bytes;
  neural.seed = setting.seed;
  neural.is_calibrated = !leaves_out(setting.without, kWithoutCalibration);
  return std::make_unique<Gate>(options, std::move(experts),
                                std::make_unique<NeuralTerm>(neural, std::move(learner)));
}

std::unique_ptr<Expert> make_gate(const PolicySetting& setting) { return gate_of_all(setting); }

Result<std::unique_ptr<Learner>> learner_of(const PolicySetting& setting) {
  auto trainer = load_trainer();
  if (!trainer) return trainer.error();
  return std::make_unique<Learner>(LearnerOptions{.seed = setting.seed}, std::move(*trainer));
}

Result<std::unique_ptr<Expert>> make_neural(const PolicySetting& setting) {
  auto learner = learner_of(setting);
  if (!learner) return learner.error();
  return gate_of_all(setting, std::move(*learner));
}

std::unique_ptr<Hedge> hedge_over(const PolicySetting& setting, std::unique_ptr<Learner> learner) {
  HedgeOptions options;
  options.chunk_bytes = setting.chunk_bytes;
  options.cache_bytes = setting.cache_bytes;
  options.beside_readahead = setting.beside_readahead;
  return std::make_unique<Hedge>(options, gate_of_all(setting, std::move(learner)));
}

std::unique_ptr<Expert> make_hedge(const PolicySetting& setting) {
  return hedge_over(setting, nullptr);
}

Result<std::unique_ptr<Expert>> make_augur(const PolicySetting& setting) {
  auto learner = learner_of(setting);
  if (!learner) return learner.error();
  return hedge_over(setting, std::move(*learner));
}

// The daemon's own experts and the brain, none of which knows what the others ask for.
class MountPolicy : public Expert {
 public:
  explicit MountPolicy(const PolicySetting& setting)
      : readahead_(make_readahead(setting)),
        around_(make_around(setting)),
        brain_(make_brain_policy(setting).expert) {}
  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override {
    readahead_->observe(event, catalog, candidates);
    around_->observe(event, catalog, candidates);
    brain_->observe(event, catalog, candidates);
  }

 private:
  const std::unique_ptr<Expert> readahead_;
  const std::unique_ptr<Expert> around_;
  const std::unique_ptr<Expert> brain_;
};

std::unique_ptr<Expert> make_mount(const PolicySetting& setting) {
  return std::make_unique<MountPolicy>(setting);
}

constexpr EvictionOptions kLru{.rule = EvictionRule::kLru};
constexpr EvictionOptions kS3Fifo{};
// For who is never wrong.
constexpr EvictionOptions kMostlyStaging{.staging_share = 0.75};

const std::vector<Policy>& table() {
  static const std::vector<Policy> policies = {
      {"none-lru", "no prefetch, least recently used goes", kLru, false, make_nothing},
      {"none-s3fifo", "no prefetch, S3-FIFO", kS3Fifo, false, make_nothing},
      {"obl", "the next chunk", kS3Fifo, false, make_next_block},
      {"readahead", "what a mount does by default", kS3Fifo, false, make_readahead},
      {"leap", "the majority of the last strides", kS3Fifo, false,
       make_of_chunks<Leap, LeapOptions>},
      {"markov1", "what followed this place", kS3Fifo, false,
       make_of_chunks<Markov, MarkovOptions>},
      {"ppm3", "what followed the last three places", kS3Fifo, false,
       make_of_chunks<Ppm, PpmOptions>},
      {"probgraph", "what came soon after this place", kS3Fifo, false,
       make_of_chunks<ProbabilityGraph, ProbabilityGraphOptions>},
      {"mithril", "what was rare at the same times", kS3Fifo, false,
       make_of_chunks<Mithril, MithrilOptions>},
      {"capsule", "what missed in the same neighbourhood", kS3Fifo, false,
       make_of_chunks<Capsule, CapsuleOptions>},
      {"sweep", "the rest of a directory", kS3Fifo, false, make_sweep},
      {"shuffle", "the rest of a directory in no order", kS3Fifo, false, make_shuffle},
      {"names", "the next number, the other extension", kS3Fifo, false,
       make_of_names<NameTemplates, NameTemplatesOptions>},
      {"startup", "what the program opened when it started before", kS3Fifo, false,
       make_of_names<StartUpSet, StartUpSetOptions>},
      {"gate", "several of these, weighed by a small network", kS3Fifo, false, make_gate},
      {"neural", "gate with what the neural model says of each", kS3Fifo, false, make_neural},
      {"hedge", "of these whichever would have cost least lately", kS3Fifo, false, make_hedge},
      {"augur", "hedge over these and neural, once that has earned its vote", kS3Fifo, false,
       make_augur},
      {"mount", "what a mount does: readahead, fetching around, and hedge for the rest", kS3Fifo,
       false, make_mount},
      {"oracle", "what comes, as the trace says", kMostlyStaging, true, make_nothing},
  };
  return policies;
}

}  // namespace

std::span<const Policy> policies() { return table(); }

const Policy* find_policy(std::string_view name) {
  const auto found = std::find_if(table().begin(), table().end(),
                                  [&](const Policy& policy) { return policy.name == name; });
  return found == table().end() ? nullptr : &*found;
}

std::span<const std::string_view> gate_experts() { return kGateExperts; }

std::span<const std::string_view> ablations() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all(kGateExperts.begin(), kGateExperts.end());
    all.push_back(kWithoutStaging);
    all.push_back(kWithoutCalibration);
    return all;
  }();
  return names;
}

bool leaves_out(std::span<const std::string> without, std::string_view name) {
  return std::find(without.begin(), without.end(), name) != without.end();
}

std::string policy_names() {
  std::string names;
  for (const Policy& policy : table()) {
    names += (names.empty() ? "" : ", ") + std::string(policy.name);
  }
  return names;
}

BrainPolicy make_brain_policy(PolicySetting setting, std::unique_ptr<Learner> learner) {
  setting.beside_readahead = true;
  auto hedge = hedge_over(setting, std::move(learner));
  BrainPolicy policy;
  policy.hedge = hedge.get();
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::move(hedge));
  policy.expert = std::make_unique<ExpertPool>(std::move(experts), setting.chunk_bytes);
  return policy;
}

}  // namespace augurfs
