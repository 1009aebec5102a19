#include "fs/mount_answers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "fs/explanation.h"
#include "fs/history_command.h"
#include "fs/ledger_report.h"
#include "fs/options.h"
#include "fs/units.h"

namespace augurfs {
namespace {

using std::chrono::steady_clock;

Result<std::uint64_t> number(const AdminParameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  const auto value = found == parameters.end() ? std::nullopt : parse_whole_number(found->second);
  if (!value || *value > INT64_MAX) return Error{ErrorCode::kInvalid, name + " is no number"};
  return *value;
}

AdminAnswer switch_prefetch(Prefetcher& prefetcher, PrefetchMode mode) {
  return [&prefetcher, mode](const AdminParameters&) -> Result<std::string> {
    const bool off = mode == PrefetchMode::kOff;
    const bool shadow = mode == PrefetchMode::kShadow;
    // Nothing is fetched in between.
    if (shadow) prefetcher.set_shadow(true);
    prefetcher.pause_until(off ? kForGood : kNotPaused);
    if (!shadow) prefetcher.set_shadow(false);
    spdlog::info("prefetch.switched state={}", off ? "off" : shadow ? "shadow" : "on");
    return std::string();
  };
}

Result<std::string> pause(Prefetcher& prefetcher, const AdminParameters& parameters) {
  constexpr std::uint64_t kSecondsMax = std::uint64_t{366} * 24 * 3600;
  const auto seconds = number(parameters, "seconds");
  if (!seconds) return seconds.error();
  const auto time = static_cast<std::int64_t>(std::min(*seconds, kSecondsMax));
  prefetcher.pause_until(steady_clock::now() + std::chrono::seconds{time});
  spdlog::info("prefetch.switched state=paused seconds={}", time);
  return std::string();
}

Result<std::string> export_page(History& history, const AdminParameters& parameters) {
  const auto after = number(parameters, "after");
  if (!after) return after.error();
  const auto origin = number(parameters, "origin");
  if (!origin) return origin.error();
  HistoryCursor cursor{static_cast<std::int64_t>(*after),
                       HistoryTime{static_cast<std::int64_t>(*origin)}};
  return history_page(
      cursor, [&](HistoryCursor& at, std::size_t rows_max) { return history.read(at, rows_max); });
}

Result<std::string> report(const Cache& cache, const HintLedger& ledger, const Shadow& shadow,
                           const AdminParameters& parameters) {
  const auto found = parameters.find("by");
  const std::string by = found == parameters.end() ? "expert" : found->second;
  for (const auto& [word, dimension] :
       {std::pair{"expert", HintLedger::By::kExpert}, std::pair{"exe", HintLedger::By::kProgram},
        std::pair{"dir", HintLedger::By::kDirectory}}) {
    if (by != word) continue;
    const ShadowVerdict verdict = shadow.verdict();
    return ledger_json(ledger.report(dimension, cache.prefetch_tallies()), verdict,
                       ledger.report(dimension, verdict.tallies));
  }
  return Error{ErrorCode::kInvalid, "a report is by expert, exe or dir"};
}

Result<std::string> explain(const Cache& cache, const FileSystem& file_system,
                            const HintLedger& ledger, const AdminParameters& parameters) {
  const auto inode = number(parameters, "inode");
  if (!inode) return inode.error();
  const auto version = file_system.version(InodeNumber{*inode});
  if (!version) return Error{ErrorCode::kInvalid, "the mount knows no such file"};
  return explanation_json(*version, cache.fate(*version), ledger);
}

Result<std::string> announce(ReadingList& list, const AdminParameters& parameters) {
  const auto text = parameters.find("body");
  if (text == parameters.end()) return Error{ErrorCode::kInvalid, "no reads are named"};
  const bool by_zero = parameters.contains("end") && parameters.at("end") == "0";
  const Announcement said = list.announce(text->second, by_zero ? '\0' : '\n');
  const nlohmann::ordered_json json{{"accepted", said.accepted},
                                    {"malformed", said.malformed},
                                    {"no_room", said.no_room},
                                    {"first_malformed", said.first_malformed}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::optional<std::chrono::seconds> pause_left(const Prefetcher& prefetcher) {
  const auto until = prefetcher.paused_until();
  const auto now = steady_clock::now();
  if (until <= now) return std::nullopt;
  if (until == kForGood) return std::chrono::seconds::max();
  return std::chrono::ceil<std::chrono::seconds>(until - now);
}

AdminAnswers mount_answers(const Cache& cache, const FileSystem& file_system,
                           Prefetcher& prefetcher, ReadingList& reading_list,
                           const HintLedger& ledger, const Shadow& shadow, History* history) {
  AdminAnswers answers;
  answers["/explain"] = [&cache, &file_system, &ledger](const AdminParameters& parameters) {
    return explain(cache, file_system, ledger, parameters);
  };
  answers["/prefetch/report"] = [&cache, &ledger, &shadow](const AdminParameters& parameters) {
    return report(cache, ledger, shadow, parameters);
  };
  for (const auto& [name, mode] : {std::pair{"/prefetch/on", PrefetchMode::kOn},
                                   std::pair{"/prefetch/shadow", PrefetchMode::kShadow},
                                   std::pair{"/prefetch/off", PrefetchMode::kOff}}) {
    answers[name] = switch_prefetch(prefetcher, mode);
  }
  answers["/prefetch/pause"] = [&prefetcher](const AdminParameters& parameters) {
    return pause(prefetcher, parameters);
  };
  answers["/hints/announce"] = [&reading_list](const AdminParameters& parameters) {
    return announce(reading_list, parameters);
  };
  answers["/hints/clear"] = [&reading_list](const AdminParameters&) -> Result<std::string> {
    reading_list.clear();
    return std::string();
  };
  using Ask = Result<std::string> (*)(History&, const AdminParameters&);
  const auto of_history = [history](Ask ask) -> AdminAnswer {
    return [history, ask](const AdminParameters& parameters) -> Result<std::string> {
      if (history != nullptr) return ask(*history, parameters);
      return Error{ErrorCode::kInvalid,
                   "this mount keeps no history (history.enabled, or see its log)"};
    };
  };
  answers["/history/export"] = of_history(export_page);
  answers["/history/show"] =
      of_history([](History& kept, const AdminParameters&) -> Result<std::string> {
        const auto summary = kept.summary();
        if (!summary) return summary.error();
        return history_text(*summary);
      });
  const auto wipe = of_history([](History& kept, const AdminParameters&) -> Result<std::string> {
    if (auto wiped = kept.wipe(); !wiped) return wiped.error();
    return std::string();
  });
  answers["/history/wipe"] = [wipe, &prefetcher](const AdminParameters& parameters) {
    auto wiped = wipe(parameters);
    if (wiped) prefetcher.learn_anew();
    return wiped;
  };
  return answers;
}

}  // namespace augurfs
