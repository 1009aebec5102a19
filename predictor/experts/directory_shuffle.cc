#include "predictor/experts/directory_shuffle.h"

#include <algorithm>

namespace augurfs {
namespace {

constexpr std::size_t kReadsToBelieve = 8;
constexpr std::size_t kShareToBelieve = 4;  // one in so many

}  // namespace

void DirectoryShuffle::observe(const Event& event, const Catalog& catalog,
                               std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead && event.operation != Operation::kOpen) return;
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  const ObjectId directory = catalog.directory(event.object);
  const auto children = catalog.children(directory);
  const std::size_t position = catalog.position(event.object);
  if (position >= children.size()) return;
  Epoch& epoch = epochs_.at((event.stream * kOdd) ^ static_cast<std::uint64_t>(directory));
  if (epoch.count > 0 && epoch.last_position == position) return;
  epoch.read.resize(children.size());
  if (epoch.read[position]) {  // twice: another epoch, or no such thing
    epoch = {};
    epoch.read.resize(children.size());
  }
  epoch.read[position] = true;
  ++epoch.count;
  if (position < epoch.last_position) ++epoch.backward;
  epoch.last_position = position;
  if (position < epoch.asked_end) {
    epoch.ahead_bytes -= std::min(epoch.ahead_bytes, wanted_bytes(catalog, event.object));
  }
  // What is read in order is the sweep's.
  const bool shuffled = epoch.backward * kShareToBelieve >= epoch.count;
  if (epoch.count < kReadsToBelieve || epoch.count * kShareToBelieve < children.size()) return;
  if (!shuffled) return;
  const float share = static_cast<float>(epoch.count) / static_cast<float>(children.size());
  for (std::size_t asks = 0; epoch.asked_end < children.size() && asks < kCandidatesMax;
       ++epoch.asked_end) {
    const std::uint64_t wanted = wanted_bytes(catalog, children[epoch.asked_end]);
    if (epoch.read[epoch.asked_end] || wanted == 0) continue;
    if (epoch.ahead_bytes + wanted > options_.ahead_bytes_max) return;
    epoch.ahead_bytes += wanted;
    ++asks;
    candidates.push_back({.object = children[epoch.asked_end],
                          .range = {0, wanted},
                          .probability = std::max(share, 0.5F),
                          .expert = ExpertId::kDirectoryShuffle});
  }
}

std::uint64_t DirectoryShuffle::wanted_bytes(const Catalog& catalog, ObjectId object) const {
  const Version* version = catalog.version(object);
  return version == nullptr ? 0 : std::min(version->size, options_.object_bytes_max);
}

}  // namespace augurfs
