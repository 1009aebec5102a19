#include "predictor/experts/capsule.h"

#include <cmath>
#include <map>
#include <utility>

namespace augurfs {
namespace {

constexpr std::uint64_t kWindow = 100;  // accesses, and as many chunks may be asked for in them

// The places of a sample that lie in one neighbourhood.
struct Group {
  ObjectId object{};
  std::vector<double> chunks;
  double centre = 0;
  double scatter = 0;  // standard deviation
};

void measure(Group& group) {
  const auto count = static_cast<double>(group.chunks.size());
  for (const double chunk : group.chunks) group.centre += chunk / count;
  double squares = 0;
  for (const double chunk : group.chunks) squares += std::pow(chunk - group.centre, 2) / count;
  group.scatter = std::sqrt(squares);
}

// D. L. Davies and D. W. Bouldin, A cluster separation measure, IEEE TPAMI 1(2), 1979. Groups of
// different objects have no distance.
double davies_bouldin(const std::vector<Group>& groups) {
  double sum = 0;
  for (const Group& one : groups) {
    double worst = 0;
    for (const Group& other : groups) {
      if (other.object != one.object || other.centre == one.centre) continue;
      worst = std::max(worst, (one.scatter + other.scatter) / std::abs(one.centre - other.centre));
    }
    sum += worst;
  }
  return groups.empty() ? 0 : sum / static_cast<double>(groups.size());
}

}  // namespace

void Capsule::observe(const Event& event, const Catalog& /*catalog*/,
                      std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead || event.range.length == 0) return;
  const Place place = place_of(event, options_.chunk_bytes);
  if (Record* const record = records_.find(place.key())) record->useful = true;
  take_sample(place);
  if (++accesses_ % kWindow == 0) asked_ = 0;
  if (!event.hit) add(place);
  for (std::size_t width = 0; width < kWidths; ++width) {
    if (Cluster* const cluster = cluster_of(place, width)) ask(*cluster, place, candidates);
  }
}

void Capsule::take_sample(const Place& place) {
  if (accesses_ % kCycle >= kSample) return;
  sample_.push_back(place);
  if (sample_.size() < kSample) return;
  width_ = best_width();
  sample_.clear();
}

// The narrowest that has a group worth the name; where none has, the one whose groups are least
// apart.
std::size_t Capsule::best_width() const {
  constexpr std::size_t kGroupMin = 6;
  std::size_t best = 0;
  double best_index = 0;
  for (std::size_t width = 0; width < kWidths; ++width) {
    std::map<std::pair<ObjectId, std::uint64_t>, Group> by_neighbourhood;
    for (const Place& place : sample_) {
      Group& group = by_neighbourhood[{place.object, neighbourhood(place, width)}];
      group.object = place.object;
      group.chunks.push_back(place.chunk);
      if (group.chunks.size() >= kGroupMin) return width;
    }
    std::vector<Group> groups;
    for (auto& [where, group] : by_neighbourhood) {
      measure(group);
      groups.push_back(std::move(group));
    }
    const double index = davies_bouldin(groups);
    if (index > best_index) std::tie(best, best_index) = std::pair(width, index);
  }
  return best;
}

std::uint64_t Capsule::key_of(const Place& place, std::size_t width) const {
  const auto where = static_cast<std::uint32_t>(neighbourhood(place, width));
  return Place{place.object, where, 1}.key() + width;
}

Capsule::Cluster* Capsule::cluster_of(const Place& place, std::size_t width) {
  return clusters_.find(key_of(place, width));
}

void Capsule::add(const Place& place) {
  if (width_ == kWidths) return;
  auto& members = clusters_.at(key_of(place, width_)).members;
  const bool known = std::any_of(members.begin(), members.end(),
                                 [&](const Member& member) { return member.chunk == place.chunk; });
  if (!known && members.size() < options_.members_max) members.push_back({.chunk = place.chunk});
}

void Capsule::ask(Cluster& cluster, const Place& place, std::vector<Candidate>& candidates) {
  constexpr std::uint8_t kTriesMax = 3;
  // Not before all of it may have been read.
  if (accesses_ - cluster.asked_at <= cluster.members.size()) return;
  for (Member& member : cluster.members) {
    if (asked_ == kWindow) return;
    if (member.chunk == place.chunk || !std::exchange(member.passed, true)) continue;
    const Place wanted{place.object, member.chunk, 1};
    Record& record = records_.at(wanted.key());
    if (record.tries == kTriesMax && !record.useful) continue;
    record.tries = std::min<std::uint8_t>(record.tries + 1, kTriesMax);
    cluster.asked_at = accesses_;
    ++asked_;
    candidates.push_back(candidate_for(wanted, options_.chunk_bytes, 0.5, {}, ExpertId::kCapsule));
  }
}

}  // namespace augurfs
