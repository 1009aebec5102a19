#include "predictor/experts/start_up_set.h"

#include <algorithm>

namespace augurfs {
namespace {

constexpr std::uint32_t kStartsMax = 32;  // counts are halved then: programs are updated

}  // namespace

void StartUpSet::observe(const Event& event, const Catalog& catalog,
                         std::vector<Candidate>& candidates) {
  if (event.program == 0 || event.operation == Operation::kListedAhead) return;
  Stream& stream = streams_.at(event.stream);
  Program& program = programs_.at(event.program);
  if (stream.program != event.program) {
    if (++program.starts > kStartsMax) {
      program.starts /= 2;
      for (Opened& opened : program.opened) opened.starts /= 2;
    }
    stream = {.began = event.time, .program = event.program, .start = ++program.number};
  }
  if (event.time - stream.began > options_.lasts_for) return;
  ask(program, stream, event.object, catalog, candidates);
  if (event.operation == Operation::kOpen) remember(program, stream, event.object);
}

void StartUpSet::remember(Program& program, const Stream& stream, ObjectId object) const {
  auto& all = program.opened;
  auto found = std::find_if(all.begin(), all.end(),
                            [&](const Opened& opened) { return opened.object == object; });
  if (found == all.end()) {
    if (all.size() < options_.objects_max) {
      found = all.insert(all.end(), {.object = object});
    } else {
      found = std::min_element(all.begin(), all.end(), [](const Opened& a, const Opened& b) {
        return a.starts < b.starts;
      });
      *found = {.object = object};
    }
  }
  if (found->starts > 0 && found->last_start == stream.start) return;
  found->last_start = stream.start;
  ++found->starts;
}

// `but`: what is being opened already.
void StartUpSet::ask(const Program& program, Stream& stream, ObjectId but, const Catalog& catalog,
                     std::vector<Candidate>& candidates) const {
  if (program.starts < 2) return;
  const std::uint32_t before = program.starts - 1;
  for (std::size_t asks = 0; stream.asked_end < program.opened.size() && asks < kCandidatesMax;
       ++stream.asked_end) {
    const Opened& opened = program.opened[stream.asked_end];
    const bool known = opened.starts > 0 && opened.last_start != stream.start;
    if (!known || opened.object == but || opened.starts * 2 < before) continue;
    const Version* version = catalog.version(opened.object);
    if (version == nullptr || version->size == 0) continue;
    ++asks;
    const float share = static_cast<float>(opened.starts) / static_cast<float>(program.starts);
    candidates.push_back({.object = opened.object,
                          .range = {0, std::min(version->size, options_.object_bytes_max)},
                          .probability = std::min(share, 1.0F),
                          .expert = ExpertId::kStartUpSet});
  }
}

}  // namespace augurfs
