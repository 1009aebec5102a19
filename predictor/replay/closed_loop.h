#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "predictor/replay/link.h"
#include "predictor/trace.h"

namespace augurfs {

// Says when each line of a trace is issued: its stream's former one must be done, and the time the
// program took between them, as recorded, has passed. docs/traces.md has the exact rule.
// Holds at most kPendingMax lines. Thread rule: one thread at a time.
class ClosedLoop {
 public:
  static constexpr std::size_t kPendingMax = 1 << 16;

  // `reader` is borrowed and outlives me. `think` stands for the gap where no times are recorded.
  ClosedLoop(TraceReader& reader, Tick think) : reader_(reader), think_(think) {}

  struct Request {
    std::uint64_t lane = 0;  // to be told to done()
    Tick issue{};
    TraceLine line;
  };
  // When the next request is issued, given that nothing else happens before `horizon`; nullopt
  // when none is until done() is called, or ever.
  Result<std::optional<Tick>> next(std::optional<Tick> horizon);
  // The request of next().
  Request take();
  // The request is answered.
  void done(std::uint64_t lane, Tick now);

 private:
  // The requests of one stream; of a trace without times there is one lane.
  struct Lane {
    std::optional<Tick> recorded;  // of the last line read
    bool busy = false;             // its request is scheduled or under way
    Tick done{};
    std::deque<std::pair<Tick, TraceLine>> pending;  // with the gap before it
  };
  struct Scheduled {
    Tick issue{};
    std::uint64_t number = 0;  // the earlier one first where times are equal
    std::uint64_t lane = 0;

    bool operator>(const Scheduled& other) const {
      return issue != other.issue ? issue > other.issue : number > other.number;
    }
  };

  Result<bool> read_ahead();
  void admit();
  void schedule(std::uint64_t id, Lane& lane);
  void forget_idle_lanes();

  TraceReader& reader_;
  const Tick think_;
  Tick now_{};
  std::unordered_map<std::uint64_t, Lane> lanes_;
  std::priority_queue<Scheduled, std::vector<Scheduled>, std::greater<>> scheduled_;
  std::uint64_t numbers_ = 0;
  std::size_t pending_ = 0;
  std::optional<TraceLine> ahead_;  // read, not admitted
  std::optional<Tick> last_time_;   // recorded, of the line before
  Tick clock_{};                    // recorded time of `ahead_` since the first, never going back
  bool at_end_ = false;
};

}  // namespace augurfs
