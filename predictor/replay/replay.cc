#include "predictor/replay/replay.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <utility>

#include "predictor/fetch_around.h"
#include "predictor/replay/footprint.h"
#include "predictor/trace_input.h"

namespace augurfs {
namespace {

constexpr double kBytesPerMb = 1e6;
constexpr double kBitsPerByte = 8;

double seconds(Tick time) { return std::chrono::duration<double>(time).count(); }
double milliseconds(Tick time) { return std::chrono::duration<double, std::milli>(time).count(); }

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// The kernel keeps the highest resident size; writing 5 there begins anew (proc(5)).
void forget_peak_rss() { std::ofstream("/proc/self/clear_refs") << "5"; }

std::uint64_t peak_rss_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib * 1024;
  }
  return 0;
}

// As a mount measures it.
std::uint64_t around_bytes(const LinkOptions& link) {
  constexpr double kBitsOfMib = 8.0 * (1 << 20);
  const std::chrono::duration<double> of_mib(kBitsOfMib / static_cast<double>(link.bits_per_s));
  return bytes_of_round_trip(std::chrono::duration_cast<std::chrono::nanoseconds>(link.round_trip),
                             std::chrono::duration_cast<std::chrono::nanoseconds>(of_mib));
}

Result<std::vector<const Policy*>> chosen_policies(const ReplayOptions& options) {
  std::vector<const Policy*> chosen;
  if (options.policies.empty()) {
    for (const Policy& policy : policies()) chosen.push_back(&policy);
  }
  for (const auto& name : options.policies) {
    const Policy* policy = find_policy(name);
    if (policy == nullptr) {
      return Error{ErrorCode::kInvalid,
                   "no policy is called '" + name + "'; there are " + policy_names()};
    }
    chosen.push_back(policy);
  }
  return chosen;
}

Result<std::uint64_t> cache_size(const ReplayOptions& options, const std::filesystem::path& file) {
  if (options.cache_bytes > 0) return options.cache_bytes;
  auto reader = TraceReader::open(file, options.skip_bad);
  if (!reader) return reader.error();
  Footprint footprint(options.chunk_bytes);
  if (auto added = footprint.add(**reader); !added) return added.error();
  const double bytes = static_cast<double>(footprint.bytes()) * options.cache_share;
  // Less than a few chunks is no cache.
  constexpr std::uint64_t kChunksMin = 4;
  return std::max(static_cast<std::uint64_t>(bytes), kChunksMin * options.chunk_bytes);
}

Result<ReplayRow> run(const ReplayOptions& options, const std::filesystem::path& file,
                      const Policy& policy, std::uint64_t cache_bytes) {
  auto reader = TraceReader::open(file, options.skip_bad);
  if (!reader) return reader.error();
  SimulationOptions simulation;
  simulation.link = options.link;
  simulation.cache_bytes = cache_bytes;
  simulation.chunk_bytes = options.chunk_bytes;
  simulation.eviction = policy.eviction;
  simulation.eviction.has_staging = !leaves_out(options.without, kWithoutStaging);
  simulation.think = options.think;
  simulation.warmup = options.warmup;
  std::unique_ptr<Foresight> foresight;
  if (policy.foresight) {
    auto future = TraceReader::open(file, options.skip_bad);
    if (!future) return future.error();
    // What the cache holds until it is read, and what may be on its way meanwhile.
    const double staged = static_cast<double>(cache_bytes) * policy.eviction.staging_share;
    const double pipe = seconds(options.link.round_trip) *
                        static_cast<double>(options.link.bits_per_s) / kBitsPerByte;
    const double slots = static_cast<double>(options.link.prefetch_transfers_max) *
                         static_cast<double>(options.chunk_bytes);
    const auto ahead = static_cast<std::uint64_t>(staged + std::min(pipe, slots));
    foresight = std::make_unique<Foresight>(
        ForesightOptions{options.chunk_bytes, ahead, options.think}, std::move(*future));
  }
  forget_peak_rss();
  const auto began = std::chrono::steady_clock::now();
  const auto expert = policy.make({.chunk_bytes = options.chunk_bytes,
                                   .cache_bytes = cache_bytes,
                                   .seed = options.seed,
                                   .around_bytes = around_bytes(options.link),
                                   .without = options.without,
                                   .gate_probability_min = options.gate_probability_min});
  if (!expert) return expert.error();
  auto result = Simulation(simulation, **expert, foresight.get()).run(**reader);
  if (!result) return result.error();
  const double took = seconds(std::chrono::steady_clock::now() - began);
  ReplayRow row;
  row.policy = policy.name;
  row.result = std::move(*result);
  row.cache_bytes = cache_bytes;
  row.events_per_s = took > 0 ? static_cast<double>(row.result.events) / took : 0;
  row.peak_rss_bytes = peak_rss_bytes();
  return row;
}

void add_headroom(std::vector<ReplayRow>& rows) {
  const auto stall_of = [&](std::string_view policy) -> std::optional<double> {
    for (const ReplayRow& row : rows) {
      if (row.policy == policy) return seconds(row.result.stall);
    }
    return std::nullopt;
  };
  const auto none = stall_of("none-s3fifo");
  const auto oracle = stall_of("oracle");
  if (!none || !oracle || *none <= *oracle) return;
  for (ReplayRow& row : rows) {
    row.headroom = (*none - seconds(row.result.stall)) / (*none - *oracle);
  }
}

// The name of a file may hold anything; a table and JSON may not.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string number(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

}  // namespace

Result<void> replay(const ReplayOptions& options, const RowSink& sink) {
  const auto chosen = chosen_policies(options);
  if (!chosen) return chosen.error();
  for (const auto& trace : options.traces) {
    std::filesystem::path file = trace;
    UniqueFd spool;
    if (trace == "-") {
      auto spooled = spool_standard_input();
      if (!spooled) return spooled.error();
      spool = std::move(*spooled);
      file = path_of(spool);
    }
    const auto cache_bytes = cache_size(options, file);
    if (!cache_bytes) return cache_bytes.error();
    std::vector<ReplayRow> rows;
    for (const Policy* policy : *chosen) {
      auto row = run(options, file, *policy, *cache_bytes);
      if (!row) return row.error();
      row->trace = printable(trace.filename().string());
      rows.push_back(std::move(*row));
    }
    add_headroom(rows);
    for (const ReplayRow& row : rows) sink(row);
  }
  return {};
}

std::string to_json(const ReplayRow& row) {
  const SimulationResult& r = row.result;
  std::string out = "{\"trace\":" + quoted(row.trace) + ",\"policy\":" + quoted(row.policy);
  const auto add = [&](const char* name, const std::string& value) {
    out += std::string(",\"") + name + "\":" + value;
  };
  add("requests", std::to_string(r.requests));
  add("stall_s", number(seconds(r.stall)));
  add("p50_ms", number(milliseconds(r.latencies.quantile(0.5))));
  add("p99_ms", number(milliseconds(r.latencies.quantile(0.99))));
  add("hit_ratio", number(share(r.hits, r.requests)));
  add("late_ratio", number(share(r.late, r.requests)));
  add("fetched_bytes", std::to_string(r.fetched_bytes));
  add("prefetched_bytes", std::to_string(r.ledger.prefetched_bytes));
  add("used_bytes", std::to_string(r.ledger.used_bytes + r.ledger.late_bytes));
  add("wasted_bytes", std::to_string(r.ledger.wasted_bytes));
  add("late_bytes", std::to_string(r.ledger.late_bytes));
  add("polluted_bytes", std::to_string(r.eviction.polluted_bytes));
  add("calibration_error", number(r.calibration.error()));
  add("headroom", row.headroom ? number(*row.headroom) : "null");
  add("events_per_s", number(std::round(row.events_per_s)));
  add("peak_rss_bytes", std::to_string(row.peak_rss_bytes));
  return out + "}";
}

std::string table_head() {
  return "trace                    policy       requests    stall s     p50 ms   p99 ms    hit   "
         "late   fetched MB  prefetched MB  used  headroom\n";
}

std::string table_line(const ReplayRow& row) {
  const SimulationResult& r = row.result;
  std::string headroom = "-";
  char text[256];
  if (row.headroom) {
    std::snprintf(text, sizeof(text), "%.3f", *row.headroom);
    headroom = text;
  }
  std::snprintf(text, sizeof(text),
                "%-24.24s %-11s %9llu %10.2f %10.2f %8.2f %6.3f %6.3f %12.1f %14.1f %5.2f %9s\n",
                row.trace.c_str(), row.policy.c_str(), static_cast<unsigned long long>(r.requests),
                seconds(r.stall), milliseconds(r.latencies.quantile(0.5)),
                milliseconds(r.latencies.quantile(0.99)), share(r.hits, r.requests),
                share(r.late, r.requests), static_cast<double>(r.fetched_bytes) / kBytesPerMb,
                static_cast<double>(r.ledger.prefetched_bytes) / kBytesPerMb,
                share(r.ledger.used_bytes + r.ledger.late_bytes, r.ledger.prefetched_bytes),
                headroom.c_str());
  return text;
}

}  // namespace augurfs
