#include "fs/explanation.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "fs/units.h"

namespace augurfs {
namespace {

using nlohmann::ordered_json;
using End = ChunkFate::End;
using Use = ChunkFate::Use;

std::string_view state_of(End end) {
  switch (end) {
    case End::kNone:
      return "cached";
    case End::kForDemand:
      return "evicted for a read";
    case End::kForPrefetch:
      return "evicted for a prefetch";
    case End::kDamaged:
      return "damaged";
    case End::kUnkept:
      return "not kept";
  }
  return "";
}

// As in the ledger.
std::string_view outcome_of(const ChunkFate& fate) {
  if (fate.use == Use::kInTime) return "used";
  if (fate.use == Use::kLate) return "late";
  return fate.end == End::kNone ? "resident" : "wasted";
}

ordered_json range_json(const FateRange& range, const HintLedger& ledger) {
  const ChunkFate& fate = range.fate;
  ordered_json json{{"first_chunk", range.first},
                    {"last_chunk", range.last},
                    {"state", state_of(fate.end)},
                    {"prefetched", fate.origin == Origin::kPrefetch}};
  if (fate.origin == Origin::kDemand) return json;
  const HintLedger::Account account = ledger.whose(fate.account);
  json["outcome"] = outcome_of(fate);
  json["expert"] = name_of(account.expert);
  json["program"] = account.program;
  json["probability"] = fate.probability;
  return json;
}

// Cached, and it is not remembered how they came.
std::uint64_t forgotten(const VersionFate& fate) {
  std::uint64_t remembered = 0;
  for (const FateRange& range : fate.remembered) {
    if (range.fate.end == End::kNone) remembered += std::uint64_t{range.last} - range.first + 1;
  }
  return fate.cached_chunks - std::min(remembered, fate.cached_chunks);
}

std::string_view outcome_text(std::string_view outcome) {
  if (outcome == "used") return "there in time";
  if (outcome == "late") return "asked for on its way: late";
  if (outcome == "wasted") return "never asked for: wasted";
  return "not asked for yet";
}

// "fetched ahead by ppm for /bin/cat (probability 0.43), there in time; cached"
std::string range_text(const ordered_json& range) {
  const auto first = range.at("first_chunk").get<std::uint64_t>();
  const auto last = range.at("last_chunk").get<std::uint64_t>();
  const std::string chunks =
      first == last ? fmt::format("chunk {}", first) : fmt::format("chunks {}-{}", first, last);
  std::string how = "fetched when it was asked for";
  if (range.at("prefetched").get<bool>()) {
    const auto program = range.at("program").get<std::string>();
    how = fmt::format(
        "fetched ahead by {}{} (probability {:.2f}), {}", range.at("expert").get<std::string>(),
        program.empty() ? "" : " for " + program, range.at("probability").get<double>(),
        outcome_text(range.at("outcome").get<std::string>()));
  }
  return fmt::format("  {:<15} {}; {}\n", chunks, how, range.at("state").get<std::string>());
}

std::string format_explanation(const ordered_json& json) {
  const auto number = [&json](const char* name) { return json.at(name).get<std::uint64_t>(); };
  std::string out = fmt::format("{}\n", json.at("key").get<std::string>());
  out += fmt::format("  {:<15} {} in {} chunks of {}\n", "size", rounded_size(number("bytes")),
                     number("chunks"), rounded_size(number("chunk_bytes")));
  out += fmt::format("  {:<15} {} in {} chunks", "cached", rounded_size(number("cached_bytes")),
                     number("cached_chunks"));
  if (number("under_way_chunks") > 0) {
    out += fmt::format(", {} more on their way", number("under_way_chunks"));
  }
  out += "\n";
  for (const ordered_json& range : json.at("ranges")) out += range_text(range);
  if (number("ranges_left_out") > 0) {
    out += fmt::format("  and {} ranges more\n", number("ranges_left_out"));
  }
  if (number("forgotten_chunks") > 0) {
    out += fmt::format("  {:<15} how {} cached chunks came: in an earlier run, or too long ago\n",
                       "not known", number("forgotten_chunks"));
  }
  if (json.at("ranges").empty() && number("cached_chunks") + number("under_way_chunks") == 0) {
    out += fmt::format("  {:<15} nothing of it came among the last {} chunks of this mount\n",
                       "not seen", ChunkFates::kFatesMax);
  }
  return out;
}

}  // namespace

std::string explanation_json(const Version& version, const VersionFate& fate,
                             const HintLedger& ledger) {
  const std::size_t told = std::min(fate.remembered.size(), kRangesToldMax);
  ordered_json ranges = ordered_json::array();
  for (std::size_t i = 0; i < told; ++i) ranges.push_back(range_json(fate.remembered[i], ledger));
  const ordered_json json{{"key", version.key},
                          {"etag", version.etag},
                          {"bytes", version.size},
                          {"chunk_bytes", fate.chunk_size_bytes},
                          {"chunks", fate.chunks},
                          {"cached_chunks", fate.cached_chunks},
                          {"cached_bytes", fate.cached_bytes},
                          {"under_way_chunks", fate.under_way_chunks},
                          {"forgotten_chunks", forgotten(fate)},
                          {"ranges", std::move(ranges)},
                          {"ranges_left_out", fate.remembered.size() - told}};
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

std::string explanation_text(const std::string& json) {
  try {
    return format_explanation(ordered_json::parse(json));
  } catch (const ordered_json::exception&) {
    return "";
  }
}

}  // namespace augurfs
