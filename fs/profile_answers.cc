#include "fs/profile_answers.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "fs/process_handle.h"
#include "fs/units.h"
#include "predictor/profile.h"
#include "predictor/profile_file.h"
#include "predictor/recollection.h"

namespace augurfs {
namespace {

static_assert(kProfileBytesMax <= kAdminBodyBytesMax);

std::string text(const AdminParameters& parameters, const std::string& name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

// Adds the rows from the cursor on, but not those that come while it does.
Result<void> add_seen(History& history, HistoryCursor cursor, ProfileBuilder& builder) {
  constexpr std::size_t kRowsAtOnce = 4096;
  const auto end = history.newest(0);
  if (!end) return end.error();
  while (cursor.after < end->after) {
    const auto rows = history.read(cursor, kRowsAtOnce);
    if (!rows) return rows.error();
    if (rows->empty()) break;
    for (const HistoryRow& row : *rows) builder.add(row);
  }
  return {};
}

// What a brain of this mount is told, as far as it is selected.
Result<Profile> known(History& history, const ProfileSelection& selection,
                      const std::string& prefix) {
  const auto from = history.newest(Recollection::kEventsMax);
  if (!from) return from.error();
  ProfileBuilder seen(selection, prefix);
  if (auto added = add_seen(history, *from, seen); !added) return added.error();
  Profile imported = history.imported();
  give_wall_times(imported);
  ProfileBuilder before(selection, prefix);
  for (const HistoryRow& row : imported.rows) before.add(row);
  return merge(before.take(), seen.take());
}

// One mount's.
class ProfileDesk {
 public:
  ProfileDesk(FileSystem& file_system, Prefetcher& prefetcher, History& history, ProfilePlace place)
      : file_system_(file_system),
        prefetcher_(prefetcher),
        history_(history),
        place_(std::move(place)) {}

  Result<std::string> give(const AdminParameters& parameters) {
    ProfileSelection selection;
    selection.programs = text(parameters, "programs");
    selection.under = text(parameters, "under");
    if (const std::string words = text(parameters, "seconds"); !words.empty()) {
      constexpr std::uint64_t kSecondsMax = std::uint64_t{100} * 366 * 24 * 3600;
      const auto seconds = parse_whole_number(words);
      if (!seconds || *seconds > kSecondsMax) {
        return Error{ErrorCode::kInvalid, "seconds is no number"};
      }
      selection.since = std::chrono::duration_cast<HistoryTime>(
          std::chrono::system_clock::now().time_since_epoch() -
          std::chrono::seconds{static_cast<std::int64_t>(*seconds)});
    }
    auto profile = known(history_, selection, place_.prefix);
    if (!profile) return profile.error();
    return packed(std::move(*profile), parameters);
  }

  Result<std::string> take(const AdminParameters& parameters) {
    auto profile = unpack(text(parameters, "body"), text(parameters, "name"));
    if (!profile) return profile.error();
    if (!profile->source.empty() && profile->source != place_.url &&
        text(parameters, "force") != "1") {
      return Error{ErrorCode::kInvalid,
                   fmt::format("{}: made on {}, and this mount is of {}; where the same files lie "
                               "below both, say --force",
                               text(parameters, "name"), profile->source, place_.url)};
    }
    const std::size_t given = profile->rows.size();
    std::erase_if(profile->rows, [&](const HistoryRow& row) {
      return place_.exclusions.path(row.path) || place_.exclusions.program(row.program);
    });
    const std::size_t excluded = given - profile->rows.size();
    settle(*profile);
    auto done = history_.import(with_prefix(std::move(*profile), place_.prefix));
    if (!done) return done.error();
    const std::size_t kept = history_.imported().rows.size();
    prefetcher_.learn_anew();
    spdlog::info("profile.imported rows={} excluded={} kept={}", given, excluded, kept);
    std::string said = fmt::format("{} accesses imported", given - excluded);
    if (excluded > 0) said += fmt::format(", {} excluded by history.exclude_*", excluded);
    return said + fmt::format("; {} are kept of all imports\n", kept);
  }

  Result<std::string> begin_recording(const AdminParameters& parameters) {
    const auto process = parse_whole_number(text(parameters, "process"));
    if (!process || *process == 0 || *process > INT32_MAX) {
      return Error{ErrorCode::kInvalid, "process is no number"};
    }
    if (recording_ && !recording_->process.ends_within({})) {
      return Error{ErrorCode::kInvalid,
                   "a recording is under way on this mount; there is one at a time"};
    }
    const auto from = history_.newest(0);
    if (!from) return from.error();
    recording_.reset();
    recording_.emplace(Recording{ProcessHandle(static_cast<pid_t>(*process)), *from});
    file_system_.mark_below(static_cast<std::uint32_t>(*process));
    return std::string();
  }

  Result<std::string> end_recording(const AdminParameters& parameters) {
    if (!recording_) return Error{ErrorCode::kInvalid, "nothing is being recorded"};
    file_system_.mark_below(0);
    const HistoryCursor from = recording_->from;
    recording_.reset();
    wait_for_events();
    ProfileBuilder builder({.recorded = true}, place_.prefix);
    if (auto added = add_seen(history_, from, builder); !added) return added.error();
    return packed(builder.take(), parameters);
  }

 private:
  struct Recording {
    ProcessHandle process;
    HistoryCursor from;
  };

  Result<std::string> packed(Profile profile, const AdminParameters& parameters) const {
    if (text(parameters, "source") == "1") profile.source = place_.url;
    return pack(std::move(profile));
  }

  // What a program did before it ended has been told by now, but may still be on its way.
  void wait_for_events() const {
    constexpr std::chrono::seconds kPatience{2};
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (prefetcher_.stats().events_waiting > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }

  FileSystem& file_system_;
  Prefetcher& prefetcher_;
  History& history_;
  const ProfilePlace place_;
  std::optional<Recording> recording_;
};

}  // namespace

AdminAnswers profile_answers(FileSystem& file_system, Prefetcher& prefetcher, History* history,
                             ProfilePlace place) {
  using Ask = Result<std::string> (ProfileDesk::*)(const AdminParameters&);
  std::shared_ptr<ProfileDesk> desk;
  if (history != nullptr) {
    desk = std::make_shared<ProfileDesk>(file_system, prefetcher, *history, std::move(place));
  }
  AdminAnswers answers;
  for (const auto& [name, ask] :
       {std::pair<const char*, Ask>{"/profile/export", &ProfileDesk::give},
        std::pair<const char*, Ask>{"/profile/import", &ProfileDesk::take},
        std::pair<const char*, Ask>{"/profile/record/begin", &ProfileDesk::begin_recording},
        std::pair<const char*, Ask>{"/profile/record/end", &ProfileDesk::end_recording}}) {
    answers[name] = [desk, ask = ask](const AdminParameters& parameters) -> Result<std::string> {
      if (desk != nullptr) return (*desk.*ask)(parameters);
      return Error{ErrorCode::kInvalid,
                   "this mount keeps no history (history.enabled, or see its log), so no profile"};
    };
  }
  return answers;
}

}  // namespace augurfs
