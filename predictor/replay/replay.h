#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "predictor/policies.h"
#include "predictor/replay/simulation.h"

namespace augurfs {

struct ReplayOptions {
  std::vector<std::filesystem::path> traces;  // "-" is standard input
  std::vector<std::string> policies;          // empty: all
  LinkOptions link;
  double cache_share = 0.05;      // of the footprint of each trace
  std::uint64_t cache_bytes = 0;  // instead, when it is not 0
  std::uint32_t chunk_bytes = 1 << 20;
  std::uint64_t seed = 1;
  std::uint64_t warmup = 0;
  Tick think{};
  bool skip_bad = false;
  std::vector<std::string> without;  // ablations() that are left out
  double gate_probability_min = GateOptions().probability_min;
};

// What a trace came to under a policy.
struct ReplayRow {
  std::string trace;
  std::string policy;
  SimulationResult result;
  std::uint64_t cache_bytes = 0;
  // The share of what the oracle saves of the stall without prefetch that this one saves as well.
  std::optional<double> headroom;
  double events_per_s = 0;           // measured, the reading of the trace included
  std::uint64_t peak_rss_bytes = 0;  // of the process, during this run
};

// Called for each row, when the trace has been run under all policies.
using RowSink = std::function<void(const ReplayRow&)>;

// Runs each trace under each policy. Standard input is kept in a temporary file, since each policy
// reads it anew. kInvalid names an unknown policy, or file, line and column of a bad line.
Result<void> replay(const ReplayOptions& options, const RowSink& sink);

// One JSON object, without a line break.
std::string to_json(const ReplayRow& row);
// A line of the table on standard output, and its head. Nothing in it depends on the machine.
std::string table_head();
std::string table_line(const ReplayRow& row);

}  // namespace augurfs
