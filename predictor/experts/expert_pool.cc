#include "predictor/experts/expert_pool.h"

#include <algorithm>
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

ExpertPool::ExpertPool(std::vector<std::unique_ptr<Expert>> experts, std::uint32_t chunk_bytes)
    : experts_(std::move(experts)), chunk_bytes_(chunk_bytes), said_(kSaidMax), read_(kSaidMax) {}

void ExpertPool::observe(const Event& event, const Catalog& catalog,
                         std::vector<Candidate>& candidates) {
  ++events_;
  if (event.operation == Operation::kRead) note_read(event);
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

void ExpertPool::note_read(const Event& event) {
  const Place place = place_of(event, chunk_bytes_);
  for (std::uint32_t i = 0; i < place.chunks; ++i) {
    read_.at(Place{place.object, place.chunk + i, 1}.key()) = events_;
  }
}

// Whether it was, and from now on it is.
bool ExpertPool::said(const Candidate& candidate, std::chrono::steady_clock::time_point now) {
  const auto chunk = static_cast<std::uint32_t>(candidate.range.offset / chunk_bytes_);
  const std::uint64_t* const read = read_.find(Place{candidate.object, chunk, 1}.key());
  Said& last = said_.at(key_of(candidate));
  const bool is_late = last.event == 0 || now - last.time >= kSaidFor;
  // What was read may be evicted from then on.
  const bool was_read = read != nullptr && *read > last.event;
  if (!is_late && !was_read) return true;
  last = {events_, now};
  return false;
}

}  // namespace augurfs
