#include "fs/ledger_report.h"

#include <spdlog/fmt/fmt.h>

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

}  // namespace

std::string ledger_json(std::span<const HintLedger::Line> lines) {
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
  const ordered_json json{{"lines", std::move(list)}, {"total", std::move(sum)}};
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

std::string ledger_text(const std::string& json) {
  try {
    const ordered_json document = ordered_json::parse(json);
    std::string text = fmt::format("{:>10} {:>10} {:>10} {:>10} {:>10} {:>11}\n", "fetched", "used",
                                   "late", "wasted", "resident", "saved");
    for (const ordered_json& line : document.at("lines")) text += line_text(line);
    return text + line_text(document.at("total"));
  } catch (const ordered_json::exception&) {
    return "";
  }
}

}  // namespace augurfs
