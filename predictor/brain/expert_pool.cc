#include "predictor/brain/expert_pool.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace augurfs {
namespace {

constexpr std::size_t kSaidMax = 4096;

std::uint64_t key_of(const Candidate& candidate) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  const std::uint64_t range = (candidate.range.offset * kOdd) ^ candidate.range.length;
  return static_cast<std::uint64_t>(candidate.object) ^ (range * kOdd);
}

}  // namespace

ExpertPool::ExpertPool(std::vector<std::unique_ptr<Expert>> experts)
    : experts_(std::move(experts)), said_(kSaidMax) {}

void ExpertPool::observe(const Event& event, const Catalog& catalog,
                         std::vector<Candidate>& candidates) {
  thoughts_.clear();
  for (const auto& expert : experts_) expert->observe(event, catalog, thoughts_);
  std::erase_if(thoughts_, [&](const Candidate& thought) { return said(thought, event.time); });
  // Each expert's own are in the order "soonest first", which stays.
  const auto likelier = [](const Candidate& a, const Candidate& b) {
    return a.probability > b.probability;
  };
  if (thoughts_.size() > kCandidatesMax) {
    std::stable_sort(thoughts_.begin(), thoughts_.end(), likelier);
    thoughts_.resize(kCandidatesMax);
  }
  candidates.insert(candidates.end(), thoughts_.begin(), thoughts_.end());
}

// Whether it was, and from now on it is.
bool ExpertPool::said(const Candidate& candidate, std::chrono::steady_clock::time_point now) {
  auto& last = said_.at(key_of(candidate));
  if (last && now - *last < kSaidFor) return true;
  last = now;
  return false;
}

std::unique_ptr<Expert> make_brain_policy(const PolicySetting& setting) {
  std::vector<std::unique_ptr<Expert>> experts;
  for (const std::string_view name : {"sweep", "shuffle", "names", "startup", "ppm3"}) {
    experts.push_back(find_policy(name)->make(setting));
  }
  return std::make_unique<ExpertPool>(std::move(experts));
}

}  // namespace augurfs
