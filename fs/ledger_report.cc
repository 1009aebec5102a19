#include "fs/ledger_report.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fs/units.h"

namespace augurfs {
namespace {

using nlohmann::ordered_json;

ordered_json line_json(const std::string& name, const PrefetchTally& tally) {
  return {{"name", name},
          {"fetched_bytes", tally.fetched_bytes()},
          {"used_bytes", tally.used_bytes},
          {"late_bytes", tally.late_bytes},
          {"wasted_bytes", tally.wasted_bytes},
          {"resident_bytes", tally.resident_bytes},
          {"stall_saved_seconds", std::chrono::duration<double>(tally.stall_saved()).count()}};
}

std::string line_text(const ordered_json& line) {
  const auto bytes = [&line](const char* name) {
    return rounded_size(line.at(name).get<std::uint64_t>());
  };
  return fmt::format("{:>10} {:>10} {:>10} {:>10} {:>10} {:>9.1f} s  {}\n", bytes("fetched_bytes"),
                     bytes("used_bytes"), bytes("late_bytes"), bytes("wasted_bytes"),
                     bytes("resident_bytes"), line.at("stall_saved_seconds").get<double>(),
                     line.at("name").get<std::string>());
}

ordered_json lines_json(std::span<const HintLedger::Line> lines) {
  PrefetchTally total;
  double saved_seconds = 0;
  ordered_json list = ordered_json::array();
  for (const HintLedger::Line& line : lines) {
    list.push_back(line_json(line.name, line.tally));
    total += line.tally;
    saved_seconds += list.back()["stall_saved_seconds"].get<double>();
  }
  ordered_json sum = line_json("total", total);
  sum["stall_saved_seconds"] = saved_seconds;  // of each by its own mean
  return {{"lines", std::move(list)}, {"total", std::move(sum)}};
}

std::string table_text(const ordered_json& document) {
  std::string text = fmt::format("{:>10} {:>10} {:>10} {:>10} {:>10} {:>11}\n", "fetched", "used",
                                 "late", "wasted", "resident", "saved");
  for (const ordered_json& line : document.at("lines")) text += line_text(line);
  return text + line_text(document.at("total"));
}

// What is saved is estimated chunk by chunk, and programs wait for several at once.
std::string verdict_text(const ordered_json& shadow) {
  const ordered_json& total = shadow.at("total");
  const auto waited = shadow.at("waited_seconds").get<double>();
  const auto saved = std::min(total.at("stall_saved_seconds").get<double>(), waited);
  return fmt::format(
      "verdict: programs waited {:.1f} s for the store, whose first byte takes {:.0f} ms; some "
      "{:.1f} s of it would have been saved, for {} fetched in vain\n",
      waited, shadow.at("round_trip_seconds").get<double>() * 1000, saved,
      rounded_size(total.at("wasted_bytes").get<std::uint64_t>()));
}

}  // namespace

std::string ledger_json(std::span<const HintLedger::Line> lines, const ShadowVerdict& verdict,
                        std::span<const HintLedger::Line> shadow_lines) {
  ordered_json json = lines_json(lines);
  if (!shadow_lines.empty() || verdict.waited.count() > 0) {
    const auto seconds = [](std::chrono::nanoseconds time) {
      return std::chrono::duration<double>(time).count();
    };
    ordered_json shadow = lines_json(shadow_lines);
    shadow["waited_seconds"] = seconds(verdict.waited);
    shadow["round_trip_seconds"] = seconds(verdict.round_trip);
    json["shadow"] = std::move(shadow);
  }
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

std::string ledger_text(const std::string& json) {
  try {
    const ordered_json document = ordered_json::parse(json);
    const auto shadow = document.find("shadow");
    if (shadow == document.end()) return table_text(document);
    const std::string fetched = document.at("lines").empty() ? "" : table_text(document) + "\n";
    return fetched + "in shadow, where nothing is fetched, this would have become of it:\n" +
           table_text(*shadow) + verdict_text(*shadow);
  } catch (const ordered_json::exception&) {
    return "";
  }
}

}  // namespace augurfs
