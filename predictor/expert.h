#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "predictor/catalog.h"
#include "predictor/event.h"
#include "remote/object_store.h"

namespace augurfs {

// Who thought of a candidate. The numbers are written into histories: never reused, only added to.
enum class ExpertId : std::uint8_t {
  kNone = 0,
  kReadahead = 1,
  kNextBlock = 2,
  kLeap = 3,
  kMarkov = 4,
  kPpm = 5,
  kProbabilityGraph = 6,
  kMithril = 7,
  kDirectorySweep = 8,
  kReadingList = 9,
  // 10 was to be the neural model's, which now weighs what others propose.
  kDirectoryShuffle = 11,
  kNameTemplates = 12,
  kStartUpSet = 13,
  kCapsule = 14,
};

// Candidates an expert has with one event, where it could have a whole directory's; the next brings
// more.
inline constexpr std::size_t kCandidatesMax = 32;

// A range that an expert thinks will be read; or a directory that it thinks will be listed.
struct Candidate {
  ObjectId object{};
  ByteRange range;                         // empty: the listing of a directory
  float probability = 1;                   // that it is read soon, as the expert believes
  std::chrono::nanoseconds expected_in{};  // from the event on, until it is read
  ExpertId expert = ExpertId::kNone;
  // For whom: those of the event, told by who shows it to the expert.
  std::uint64_t program = 0;
  std::uint64_t stream = 0;

  bool is_listing() const { return range.length == 0; }
};

// A source of candidates. A whole policy, which weighs the candidates of others, is one as well.
// Deterministic: it depends on nothing but its construction and the events and catalog it is shown,
// and knows no clock but that of the events, so that a mount and a replay run the same code.
// Thread rule: one thread at a time.
class Expert {
 public:
  virtual ~Expert() = default;

  // Learns from `event` and appends what it thinks comes next, soonest first. The object of the
  // event is in the catalog unless its news were lost. Bounded in time and memory whatever the
  // sequence of events.
  virtual void observe(const Event& event, const Catalog& catalog,
                       std::vector<Candidate>& candidates) = 0;
};

}  // namespace augurfs
