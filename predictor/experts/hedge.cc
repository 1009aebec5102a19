#include "predictor/experts/hedge.h"

#include <algorithm>
#include <utility>

#include "cache/chunk_layout.h"

namespace augurfs {
namespace {

constexpr std::uint64_t kTrialReads = 32;
// So many misses for each read more than the best arm, or more than that, is a loss of 1.
constexpr double kLossMax = 4;
constexpr FixedShareOptions kBelief = {.rate = 0.05 * kTrialReads * kLossMax, .share = 0.01};
constexpr double kPriorOfAll = 0.35;
constexpr double kMajority = 0.5;
constexpr double kOddsStep = 4;  // between the gate's thresholds
// Below that PPM and the probability graph speak to be weighed, not to be followed.
constexpr float kSureEnough = 0.25F;
// Until one was measured.
constexpr Tick kFetchFirst = std::chrono::milliseconds(50);
constexpr std::size_t kAskedMax = 1 << 14;
constexpr std::size_t kStreamsMax = 1 << 12;
constexpr double kMemoryOfMisses = 0.99;  // of earlier trials, in what a miss costs
constexpr auto kNeuralArm = static_cast<std::size_t>(Hedge::Arm::kNeural);
constexpr auto kGateArm = static_cast<std::size_t>(Hedge::Arm::kGate);

std::vector<double> prior() {
  // Of the arms but the neural one, which begins outside.
  std::vector<double> weights(Hedge::kArms, (1 - kPriorOfAll) / (Hedge::kArms - 2));
  weights[static_cast<std::size_t>(Hedge::Arm::kAll)] = kPriorOfAll;
  return weights;
}

}  // namespace

Hedge::Hedge(const HedgeOptions& options, std::unique_ptr<Gate> gate)
    : options_(options),
      gate_(std::move(gate)),
      belief_(kBelief, prior()),
      asked_(kAskedMax),
      missed_(kStreamsMax) {
  belief_.put_out(kNeuralArm);
  const std::uint64_t chunks = options.cache_bytes / options.chunk_bytes;
  while ((chunks >> sample_shift_) > options.ghost_chunks_max) ++sample_shift_;
  begin_anew();
}

// With empty ghosts, so that all have the same chances.
void Hedge::begin_anew() {
  GhostCacheOptions ghost;
  ghost.cache_bytes = options_.cache_bytes >> sample_shift_;
  ghost.flights_max /= static_cast<double>(1U << sample_shift_);
  ghost.chunks_flying_max = std::max<std::size_t>(ghost.chunks_flying_max >> sample_shift_, 1);
  ghosts_.clear();
  for (std::size_t i = 0; i < kGhosts; ++i) ghosts_.emplace_back(ghost);
  accounts_ = {};
  fetched_before_ = 0;
  trial_reads_ = 0;
}

// Neighbours together, so that runs of chunks stay runs.
bool Hedge::is_sampled(ObjectId object, std::uint32_t chunk) const {
  constexpr std::uint32_t kNeighbours = 64;
  const Place place{object, chunk / kNeighbours, 1};
  constexpr std::uint64_t kOdd = 0xd1342543de82ef95;
  const std::uint64_t hash = place.key() * kOdd;
  return sample_shift_ == 0 || hash >> (64 - sample_shift_) == 0;
}

void Hedge::observe(const Event& event, const Catalog& catalog,
                    std::vector<Candidate>& candidates) {
  const auto opinions = gate_->weigh(event, catalog);
  if (event.operation == Operation::kServed) measure(event);
  if (event.operation == Operation::kRead) read(event);
  for (const Gate::Opinion& opinion : opinions) weigh(opinion, event, catalog, candidates);
}

// A read that met a prefetch waited less than a fetch takes.
void Hedge::measure(const Event& event) {
  constexpr int kMemoryOfFetch = 16;
  bool* const missed = missed_.find(event.stream);
  if (missed == nullptr || !std::exchange(*missed, false)) return;
  fetch_ = fetch_ == Tick{} ? event.latency : fetch_ + (event.latency - fetch_) / kMemoryOfFetch;
}

// Whether nobody has asked for the bytes just sampled, so that no flight is met. They are asked for
// now.
bool Hedge::is_surprise(Tick now) {
  constexpr Tick kFlightMax = std::chrono::seconds(2);
  bool asked = false;
  for (const GhostCache::Chunk& chunk : sampled_) {
    auto& last = asked_.at(ChunkIdHash()(chunk.id));
    asked = asked || (last && now - *last < kFlightMax);
    last = now;
  }
  return !asked;
}

Tick Hedge::fetch() const { return fetch_ > Tick{} ? fetch_ : kFetchFirst; }

void Hedge::read(const Event& event) {
  sample(event.object, event.range, event.object_bytes);
  if (sampled_.empty()) return;
  const Tick now = event.time.time_since_epoch();
  missed_.at(event.stream) = is_surprise(now) && !event.hit;
  for (std::size_t i = 0; i < kGhosts; ++i) {
    if (i == kNeuralArm && neural() == nullptr) continue;
    Tick longest{};
    for (const GhostCache::Chunk& chunk : sampled_) {
      longest = std::max(longest, ghosts_[i].read(chunk, now, fetch()));
    }
    accounts_[i].stall += longest;
    if (i == kBare && longest > Tick{}) ++misses_;
  }
  if (++trial_reads_ >= kTrialReads) end_trial();
}

void Hedge::end_trial() {
  std::array<double, kGhosts> bytes{};
  for (std::size_t i = 0; i < kGhosts; ++i) {
    ghosts_[i].end_period();
    const std::uint64_t settled = ghosts_[i].settled_bytes();
    bytes[i] = static_cast<double>(settled - accounts_[i].settled_before);
    accounts_[i].settled_before = settled;
  }
  const double without = bytes[kBare];
  missed_bytes_ += without;
  if (missed_bytes_ > 0) {
    std::array<double, kArms> costs{};
    for (std::size_t i = 0; i < arms(); ++i) {
      const double stalls =
          static_cast<double>(accounts_[i].stall.count()) / static_cast<double>(fetch().count());
      costs[i] = stalls + price_.price() * bytes[i] / bytes_of_miss();
    }
    judge(costs);
    // The budget is of what is fetched, whatever comes of it.
    const std::uint64_t fetched = ghosts_[kSelf].fetched_bytes();
    const std::uint64_t latest = fetched - std::exchange(fetched_before_, fetched);
    price_.account(static_cast<double>(latest), options_.traffic_max * without);
  }
  for (Account& account : accounts_) account.stall = {};
  misses_ *= kMemoryOfMisses;
  missed_bytes_ *= kMemoryOfMisses;
  trial_reads_ = 0;
  if (ghost_chunks() <= 2 * options_.ghost_chunks_max) return;
  ++sample_shift_;  // objects are smaller than chunks
  begin_anew();
}

// After a trial that cost the arms so much, in fetches.
void Hedge::judge(std::array<double, kArms>& costs) {
  if (neural() != nullptr) {
    probation_.account(costs[kNeuralArm], costs[kGateArm]);
    if (probation_.passed()) {
      belief_.let_in(kNeuralArm);
    } else {
      belief_.put_out(kNeuralArm);
    }
  }
  // What all of them lose says nothing, and is much when somebody else reads ahead for nothing. Who
  // has no vote is not among them.
  const auto voters = static_cast<std::ptrdiff_t>(probation_.passed() ? kArms : kArms - 1);
  const double least = *std::min_element(costs.begin(), costs.begin() + voters);
  for (double& cost : costs) cost = (cost - least) / (kTrialReads * kLossMax);
  belief_.update(costs);
}

double Hedge::bytes_of_miss() const { return missed_bytes_ / std::max(misses_, 1.0); }

std::size_t Hedge::ghost_chunks() const {
  std::size_t most = 0;
  for (const GhostCache& ghost : ghosts_) most = std::max(most, ghost.chunks());
  return most;
}

bool Hedge::asks(Arm arm, const Gate::Opinion& opinion) const {
  const ExpertId expert = opinion.candidate.expert;
  if (options_.beside_readahead && expert == ExpertId::kReadahead) return true;
  const auto is_worth = [&](float probability, double step) {
    const double bytes = static_cast<double>(opinion.candidate.range.length);
    const double cost = missed_bytes_ > 0 ? bytes / bytes_of_miss() : 1;
    const double odds = probability / std::max(1 - probability, 1e-6F);
    return odds > step * price_.price() * cost;
  };
  switch (arm) {
    case Arm::kNone:
      return false;
    case Arm::kReadahead:
      return expert == ExpertId::kReadahead;
    case Arm::kNames:
      return expert == ExpertId::kDirectorySweep || expert == ExpertId::kDirectoryShuffle ||
             expert == ExpertId::kNameTemplates || expert == ExpertId::kStartUpSet;
    case Arm::kPpm:
      return expert == ExpertId::kPpm && opinion.candidate.probability >= kSureEnough;
    case Arm::kGateEager:
      return is_worth(opinion.probability, 1 / kOddsStep);
    case Arm::kGate:
      return is_worth(opinion.probability, 1);
    case Arm::kGateShy:
      return is_worth(opinion.probability, kOddsStep);
    case Arm::kAll:
      // The next chunk is said of every read: that is for the gate to weigh.
      return expert != ExpertId::kNextBlock && opinion.candidate.probability >= kSureEnough;
    case Arm::kNeural:
      return is_worth(opinion.informed, 1);
  }
  return false;
}

// Into sampled_; says how many chunks there are in all.
std::uint64_t Hedge::sample(ObjectId object, ByteRange range, std::uint64_t object_bytes) {
  sampled_.clear();
  range = clamp(range, object_bytes);
  if (range.length == 0) return 0;
  const std::uint64_t first = range.offset / options_.chunk_bytes;
  const std::uint64_t last = (range.offset + range.length - 1) / options_.chunk_bytes;
  for (std::uint64_t chunk = first; chunk <= last; ++chunk) {
    const auto number = static_cast<std::uint32_t>(chunk);
    if (!is_sampled(object, number)) continue;
    const std::uint64_t bytes =
        std::min<std::uint64_t>(options_.chunk_bytes, object_bytes - chunk * options_.chunk_bytes);
    sampled_.push_back(
        {{static_cast<std::uint64_t>(object), number}, static_cast<std::uint32_t>(bytes)});
  }
  return last - first + 1;
}

void Hedge::weigh(const Gate::Opinion& opinion, const Event& event, const Catalog& catalog,
                  std::vector<Candidate>& candidates) {
  const Candidate& candidate = opinion.candidate;
  if (candidate.is_listing()) {
    candidates.push_back(candidate);
    return;
  }
  const Version* version = catalog.version(candidate.object);
  const std::uint64_t chunks =
      sample(candidate.object, candidate.range, version == nullptr ? 0 : version->size);
  const Tick now = event.time.time_since_epoch();
  const double flights = static_cast<double>(sampled_.size()) /
                         static_cast<double>(std::max<std::uint64_t>(chunks, 1));
  const auto prefetch = [&](std::size_t ghost) {
    ghosts_[ghost].prefetch(sampled_, now, now + candidate.expected_in, fetch(), flights);
  };
  double belief = 0;
  for (std::size_t i = 0; i < arms(); ++i) {
    if (!asks(static_cast<Arm>(i), opinion)) continue;
    belief += belief_.weights()[i];
    prefetch(i);
  }
  if (belief < kMajority) return;
  prefetch(kSelf);
  for (const GhostCache::Chunk& chunk : sampled_) asked_.at(ChunkIdHash()(chunk.id)) = now;
  if (options_.beside_readahead && candidate.expert == ExpertId::kReadahead) return;
  candidates.push_back(candidate);
}

}  // namespace augurfs
