#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "cache/chunk_layout.h"
#include "predictor/catalog.h"
#include "predictor/chunk_cache.h"
#include "predictor/expert.h"
#include "predictor/replay/calibration.h"
#include "predictor/replay/closed_loop.h"
#include "predictor/replay/foresight.h"
#include "predictor/replay/latencies.h"
#include "predictor/replay/link.h"

namespace augurfs {

struct SimulationOptions {
  LinkOptions link;
  std::uint64_t cache_bytes = 0;
  std::uint32_t chunk_bytes = 1 << 20;  // a power of two
  EvictionOptions eviction;
  Tick think{};              // between requests of a trace without times
  std::uint64_t warmup = 0;  // reads before counting begins
  std::size_t catalog_objects_max = 1 << 18;
};

// What happened after the warm-up.
struct SimulationResult {
  std::uint64_t requests = 0;  // reads
  std::uint64_t events = 0;    // all that the policy was shown, warm-up included
  Tick stall{};                // sum of what reads waited
  Latencies latencies;
  std::uint64_t hits = 0;  // reads that did not wait
  std::uint64_t late = 0;  // reads that waited for prefetches on their way and for nothing else
  std::uint64_t demanded_bytes = 0;  // read
  std::uint64_t fetched_bytes = 0;
  std::uint64_t flights = 0;  // GET requests
  std::uint64_t refused = 0;  // candidates beyond what may wait to be prefetched
  Ledger ledger;
  std::uint64_t unused_bytes = 0;  // prefetched, in the cache at the end, not used yet
  EvictionStats eviction;          // warm-up included
  Calibration calibration;
  std::uint64_t skipped_lines = 0;
  Tick end{};
};

// Runs a trace against a policy on a virtual clock: the mount's readers, cache and prefetcher in
// one thread, with a Link for the store. The policy sees each event when the mount would record it,
// and its candidates are fetched as ChunkReader would fetch them.
// Thread rule: one thread at a time. Deterministic.
class Simulation {
 public:
  // `policy` and `foresight`, which may be null, are borrowed.
  Simulation(const SimulationOptions& options, Expert& policy, Foresight* foresight = nullptr);

  Result<SimulationResult> run(TraceReader& reader);

 private:
  // A line under way: one at most in each lane.
  struct Read {
    ClosedLoop::Request request;
    Event event;
    std::uint64_t content = 0;     // names the version in chunk ids
    std::uint64_t left_bytes = 0;  // not issued yet
    std::size_t waits = 0;         // chunks it waits for
    bool missed = false;           // a flight began for it
  };
  // Adjacent chunks of one version.
  struct Chunks {
    std::uint64_t content = 0;
    ChunkLayout layout;
    std::uint32_t first = 0;
    std::uint32_t last = 0;
  };
  struct Waiter {
    std::uint64_t lane = 0;
    std::uint64_t bytes = 0;  // of the flight, until it has what it needs
  };
  struct Flying {
    Link::Flight* flight = nullptr;
    bool prefetched = false;
    bool joined = false;  // prefetched, and a reader has come meanwhile
    Tick due{};
  };

  Result<void> begin(ClosedLoop::Request request);
  void learn(Read& read);
  void advance(std::uint64_t lane);
  void issue(Read& read);
  void need(Read& read, const Chunks& chunks);
  void wait_for(Read& read, Link::Flight& flight, std::uint32_t chunk);
  void fly(const Chunks& chunks, bool demanded, Tick due);
  void foresee(const Chunks& chunks, float probability);
  void show(const Event& event);
  void prefetch(const Version& version, const Candidate& candidate, Tick due);
  void receive(Link::Flight& flight);
  void land(Link::Flight& flight);
  void served(std::uint64_t lane);
  void finish(std::uint64_t lane);
  void start_counting();
  bool is_absent(ChunkId id) const { return !cache_.contains(id) && !flying_.contains(id); }

  const SimulationOptions options_;
  Expert& policy_;
  Foresight* const foresight_;
  Catalog catalog_;
  ChunkCache cache_;
  Link link_;
  ClosedLoop* loop_ = nullptr;
  Tick now_{};
  std::unordered_map<std::uint64_t, Read> reads_;  // by lane
  std::unordered_map<ChunkId, Flying, ChunkIdHash> flying_;
  std::unordered_map<std::uint64_t, std::vector<Waiter>> waiters_;  // by flight
  std::vector<Candidate> candidates_;
  std::vector<Foresight::Wanted> wanted_;
  std::uint64_t reads_begun_ = 0;
  SimulationResult result_;
};

}  // namespace augurfs
