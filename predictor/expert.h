#pragma once

#include <vector>

#include "predictor/event.h"
#include "remote/object_store.h"

namespace augurfs {

// Something an expert thinks will be read.
struct Candidate {
  Version version;
  ByteRange range;
};

// A source of candidates. Thread rule: one thread at a time, the prefetcher's.
class Expert {
 public:
  virtual ~Expert() = default;

  virtual const char* name() const = 0;

  // Learns from `event` and appends what it thinks comes next, soonest first. Bounded in time
  // and memory whatever the sequence of events.
  virtual void observe(const Event& event, std::vector<Candidate>& candidates) = 0;
};

}  // namespace augurfs
