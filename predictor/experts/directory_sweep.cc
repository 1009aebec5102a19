#include "predictor/experts/directory_sweep.h"

#include <algorithm>

namespace augurfs {
namespace {

constexpr std::size_t kInOrderToBelieve = 2;
// Children that a reader may leave out and still be in order: what it has no use for.
constexpr std::size_t kSkipMax = 4;
constexpr std::size_t kWindowFirst = 2;

}  // namespace

void DirectorySweep::observe(const Event& event, const Catalog& catalog,
                             std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead && event.operation != Operation::kOpen) return;
  const ObjectId directory = catalog.directory(event.object);
  const auto children = catalog.children(directory);
  const std::size_t position = catalog.position(event.object);
  if (position >= children.size()) return;
  Sweep& sweep = sweeps_.at(event.stream ^ static_cast<std::uint64_t>(directory));
  if (sweep.reads > 0 && sweep.last == event.object) return;
  const bool follows = sweep.reads > 0 && position > sweep.last_position &&
                       position - sweep.last_position <= kSkipMax;
  sweep.in_order = follows ? sweep.in_order + 1 : 0;
  if (!follows && position < sweep.last_position) sweep.asked_end = 0;  // it may begin anew
  ++sweep.reads;
  sweep.last = event.object;
  sweep.last_position = position;
  if (sweep.in_order >= kInOrderToBelieve) {
    sweep.window = std::clamp(sweep.window * 2, kWindowFirst, options_.window_max);
    sweep.asked_end = std::max(sweep.asked_end, position + 1);
    ask(sweep, position, children, catalog, candidates);
  } else {
    sweep.window /= 2;
  }
}

void DirectorySweep::ask(Sweep& sweep, std::size_t position, std::span<const ObjectId> children,
                         const Catalog& catalog, std::vector<Candidate>& candidates) const {
  const std::size_t end = std::min(children.size(), position + 1 + sweep.window);
  std::uint64_t bytes = 0;
  for (; sweep.asked_end < end; ++sweep.asked_end) {
    const Version* version = catalog.version(children[sweep.asked_end]);
    if (version == nullptr || version->size == 0) continue;
    const std::uint64_t wanted = std::min(version->size, options_.object_bytes_max);
    bytes += wanted;
    if (bytes > options_.window_bytes_max) return;
    candidates.push_back({.object = children[sweep.asked_end],
                          .range = {0, wanted},
                          .probability = 0.5F,
                          .expert = ExpertId::kDirectorySweep});
  }
}

}  // namespace augurfs
