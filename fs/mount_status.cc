#include "fs/mount_status.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fs/units.h"

namespace augurfs {
namespace {

using nlohmann::ordered_json;

std::string duration_text(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  if (seconds >= kDay) return fmt::format("{} d {} h", seconds / kDay, seconds % kDay / kHour);
  if (seconds >= kHour) {
    return fmt::format("{} h {} min", seconds / kHour, seconds % kHour / kMinute);
  }
  if (seconds >= kMinute) return fmt::format("{} min {} s", seconds / kMinute, seconds % kMinute);
  return fmt::format("{} s", seconds);
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
  return fmt::format("{:.1f} %", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

ordered_json cache_json(const MountStatus& status) {
  const CacheStats& cache = status.cache;
  return {{"directory", status.cache_directory.string()},
          {"bytes", cache.bytes_used},
          {"bytes_max", cache.bytes_max},
          {"chunks", cache.chunks},
          {"hits", cache.hits},
          {"ahead", cache.ahead},
          {"misses", cache.misses},
          {"hit_bytes", cache.hit_bytes},
          {"ahead_bytes", cache.ahead_bytes},
          {"miss_bytes", cache.miss_bytes},
          {"waiting", cache.waiting},
          {"evicted_bytes", cache.evicted_bytes},
          {"regretted_bytes", cache.regrets.regretted_bytes},
          {"corrupt_chunks", cache.corrupt_chunks},
          {"unstored_chunks", cache.unstored_chunks},
          {"disk_healthy", cache.disk_healthy},
          {"disk_free_bytes", cache.disk_free_bytes},
          {"free_space_bytes", cache.free_space_bytes_min}};
}

ordered_json metadata_json(const MetadataStats& metadata) {
  ordered_json json{{"walk_pages", metadata.walk_pages},
                    {"walk_listings", metadata.walk_listings},
                    {"recalled", metadata.recalled},
                    {"stale", metadata.stale},
                    {"stale_seconds", metadata.stale_age.count()},
                    {"offline", metadata.unreachable.has_value()}};
  if (metadata.unreachable) json["offline_seconds"] = metadata.unreachable->count();
  return json;
}

// "offline for 3 min 2 s, 5 answers past their time, the last one 2 h 0 min old"; nothing
// where all is as it should be.
std::string metadata_text(const ordered_json& metadata) {
  std::string out;
  if (metadata.at("offline").get<bool>()) {
    out = "offline for " + duration_text(metadata.at("offline_seconds").get<std::uint64_t>());
  }
  if (metadata.at("stale").get<std::uint64_t>() == 0) return out;
  if (!out.empty()) out += ", ";
  return out + fmt::format("{} answers past their time, the last one {} old",
                           metadata.at("stale").get<std::uint64_t>(),
                           duration_text(metadata.at("stale_seconds").get<std::uint64_t>()));
}

// "on", "shadow", "off" or "paused", and for how much longer.
ordered_json prefetch_json(const MountStatus& status) {
  const auto& paused = status.prefetch_paused;
  const bool off = paused == std::chrono::seconds::max();
  const char* const running = status.prefetch_in_shadow ? "shadow" : "on";
  ordered_json json{{"state", !paused ? running
                              : off   ? "off"
                                      : "paused"},
                    {"bytes", status.cache.prefetched_bytes},
                    {"used_bytes", status.cache.prefetch_used_bytes},
                    {"polluted_bytes", status.cache.regrets.polluted_bytes},
                    {"too_early_bytes", status.cache.regrets.too_early_bytes},
                    {"dropped", status.cache.prefetch_dropped},
                    {"events", status.prefetcher.events},
                    {"events_dropped", status.prefetcher.events_dropped},
                    {"candidates", status.prefetcher.candidates},
                    {"looked_up", status.prefetcher.looked_up},
                    {"listings", status.prefetcher.listings},
                    {"refused", status.prefetcher.refused},
                    {"withheld", status.prefetcher.withheld}};
  if (paused && !off) json["paused_seconds"] = paused->count();
  const PrefetchAmount& per_day = status.prefetch_per_day;
  if (per_day.bytes != PrefetchAmount::kUnlimited) {
    json["budget_bytes"] = per_day.bytes;
    json["spent_bytes"] = status.prefetch_spent.bytes;
  }
  if (per_day.requests != PrefetchAmount::kUnlimited) {
    json["budget_requests"] = per_day.requests;
    json["spent_requests"] = status.prefetch_spent.requests;
  }
  return json;
}

// What it cost beside its own bytes; nothing when that is nothing.
std::string pollution_text(const ordered_json& prefetch) {
  std::string out;
  const auto polluted = prefetch.at("polluted_bytes").get<std::uint64_t>();
  const auto too_early = prefetch.at("too_early_bytes").get<std::uint64_t>();
  if (polluted > 0) out += fmt::format(", {} evicted for it and missed", rounded_size(polluted));
  if (too_early > 0) out += fmt::format(", {} fetched too early", rounded_size(too_early));
  return out;
}

// What is spent of the budget of a day; nothing when there is none.
std::string budget_text(const ordered_json& prefetch) {
  std::string out;
  if (prefetch.contains("budget_bytes")) {
    out += fmt::format(", {} of the day's {}",
                       rounded_size(prefetch.at("spent_bytes").get<std::uint64_t>()),
                       rounded_size(prefetch.at("budget_bytes").get<std::uint64_t>()));
  }
  if (prefetch.contains("budget_requests")) {
    out += fmt::format(", {} of the day's {} requests",
                       prefetch.at("spent_requests").get<std::uint64_t>(),
                       prefetch.at("budget_requests").get<std::uint64_t>());
  }
  return out;
}

std::string prefetch_state_text(const ordered_json& prefetch) {
  const auto state = prefetch.at("state").get<std::string>();
  if (state == "off" || state == "shadow") return " (" + state + ")";
  if (state == "on") return "";
  return fmt::format(" (paused for {} more)",
                     duration_text(prefetch.at("paused_seconds").get<std::uint64_t>()));
}

// Null when none is wanted, or nobody is there to have one.
ordered_json model_json(const std::optional<ModelNews>& model) {
  if (!model) return nullptr;
  return {{"state", !model->learns ? "absent"
                    : model->votes ? "voting"
                                   : "learning"},
          {"note", model->note},
          {"steps", model->steps},
          {"resumed_steps", model->resumed},
          {"loss", model->loss},
          {"rolled_back", model->rolled_back},
          {"saves_failed", model->saves_failed}};
}

ordered_json brain_json(const MountStatus& status) {
  const BrainStats& brain = status.prefetcher.brain;
  return {{"state", brain_state_name(brain.state)},
          {"reason", brain.reason},
          {"pid", brain.process},
          {"restarts", brain.restarts},
          {"events_sent", brain.events_sent},
          {"events_dropped", brain.events_dropped},
          {"hints_received", brain.hints_received},
          {"hints_dropped", brain.hints_dropped + status.prefetcher.hints_dropped},
          {"model", model_json(brain.model)}};
}

ordered_json hints_json(const ReadingListStats& list) {
  return {{"waiting", list.waiting}, {"ahead", list.ahead},   {"ahead_bytes", list.ahead_bytes},
          {"read", list.read},       {"passed", list.passed}, {"unknown", list.unknown}};
}

ordered_json memory_json(const MountStatus& status) {
  const PageFeedStats& feed = status.page_feed;
  return {{"stored", feed.stored},
          {"stored_bytes", feed.stored_bytes},
          {"opened", status.file_system.stored_opened},
          {"opened_bytes", status.file_system.stored_opened_bytes},
          {"not_needed", feed.not_needed},
          {"no_room", feed.no_room},
          {"failed", feed.failed}};
}

ordered_json passthrough_json(const MountStatus& status) {
  const PassthroughStats& passthrough = status.passthrough;
  return {{"state", passthrough.on ? "on" : "off"},
          {"reason", passthrough.reason},
          {"opens", passthrough.opens},
          {"files", passthrough.files}};
}

// "passthrough on, 3 opens"
std::string passthrough_text(const ordered_json& passthrough) {
  auto out = "passthrough " + passthrough.at("state").get<std::string>();
  const auto opens = passthrough.at("opens").get<std::uint64_t>();
  if (opens != 0) out += fmt::format(", {} opens", opens);
  const auto reason = passthrough.at("reason").get<std::string>();
  return reason.empty() ? out : out + "; " + reason;
}

// "running, process 12, 3 hints of 40 events"
std::string brain_text(const ordered_json& brain) {
  auto state = brain.at("state").get<std::string>();
  if (state == "off") return state;
  const auto number = [&](const char* name) { return brain.at(name).get<std::uint64_t>(); };
  std::string out = state;
  if (number("pid") != 0) out += fmt::format(", process {}", number("pid"));
  out += fmt::format(", {} hints ({} dropped) of {} events ({} dropped)", number("hints_received"),
                     number("hints_dropped"), number("events_sent"), number("events_dropped"));
  if (number("restarts") != 0) out += fmt::format(", {} restarts", number("restarts"));
  const auto reason = brain.at("reason").get<std::string>();
  return reason.empty() ? out : out + "; " + reason;
}

// "learning, 12 steps, loss 0.41"
std::string model_text(const ordered_json& model) {
  auto out = model.at("state").get<std::string>();
  if (const auto steps = model.at("steps").get<std::uint64_t>(); steps != 0) {
    out += fmt::format(", {} steps, loss {:.3f}", steps, model.at("loss").get<double>());
  }
  for (const auto& [name, text] :
       {std::pair("rolled_back", "rolled back"), std::pair("saves_failed", "not saved")}) {
    const auto times = model.at(name).get<std::uint64_t>();
    if (times != 0) out += fmt::format(", {} {} times", text, times);
  }
  const auto note = model.at("note").get<std::string>();
  return note.empty() ? out : out + "; " + note;
}

// What could not be kept, and why if that still is so; nothing when all was.
std::string unkept_text(const ordered_json& cache) {
  const auto unstored = cache.at("unstored_chunks").get<std::uint64_t>();
  if (unstored == 0) return "";
  const auto free = cache.at("disk_free_bytes").get<std::uint64_t>();
  const auto floor = cache.at("free_space_bytes").get<std::uint64_t>();
  constexpr std::uint64_t kLittle = 64 << 20;
  std::string out = fmt::format("            {} chunks were not kept", unstored);
  if (free < floor + kLittle) {
    out += fmt::format(": the disk has {} free, of which cache.free_space leaves {}",
                       rounded_size(free), rounded_size(std::min(free, floor)));
  }
  return out + "\n";
}

std::string format_status(const ordered_json& json) {
  const auto& cache = json.at("cache");
  const auto& remote = json.at("remote");
  const auto& prefetch = json.at("prefetch");
  const auto& files = json.at("file_system");
  const auto number = [](const ordered_json& object, const char* name) {
    return object.at(name).get<std::uint64_t>();
  };
  const std::uint64_t hit_bytes = number(cache, "hit_bytes");
  const std::uint64_t ahead_bytes = number(cache, "ahead_bytes");
  const std::uint64_t miss_bytes = number(cache, "miss_bytes");
  const std::uint64_t read_bytes = hit_bytes + ahead_bytes + miss_bytes;
  std::string out = fmt::format("{} on {}\n", json.at("url").get<std::string>(),
                                json.at("mount_point").get<std::string>());
  out += fmt::format("  daemon    augurfs {}, process {}, up {}\n",
                     json.at("version").get<std::string>(), number(json, "pid"),
                     duration_text(number(json, "uptime_seconds")));
  out += fmt::format("  cache     {} of {} in {} chunks, {}{}\n",
                     rounded_size(number(cache, "bytes")), rounded_size(number(cache, "bytes_max")),
                     number(cache, "chunks"), cache.at("directory").get<std::string>(),
                     cache.at("disk_healthy").get<bool>() ? "" : " (disk errs: not used)");
  out += unkept_text(cache);
  out += read_bytes == 0
             ? "  reads     none yet\n"
             : fmt::format("  reads     {}: {} from the cache, {} fetched ahead, {} waited for\n",
                           rounded_size(read_bytes), share_text(hit_bytes, read_bytes),
                           share_text(ahead_bytes, read_bytes), share_text(miss_bytes, read_bytes));
  out += fmt::format("  remote    {} requests ({} retries, {} errors), {} received\n",
                     number(remote, "requests"), number(remote, "retries"),
                     number(remote, "errors"), rounded_size(number(remote, "bytes_received")));
  if (const std::string names = metadata_text(json.at("metadata")); !names.empty()) {
    out += fmt::format("  names     {}\n", names);
  }
  out += fmt::format("  prefetch  {} fetched, {} used{}{}{}\n",
                     rounded_size(number(prefetch, "bytes")),
                     rounded_size(number(prefetch, "used_bytes")), pollution_text(prefetch),
                     budget_text(prefetch), prefetch_state_text(prefetch));
  const auto& hints = json.at("hints");
  if (number(hints, "waiting") + number(hints, "ahead") + number(hints, "read") +
          number(hints, "unknown") !=
      0) {
    out += fmt::format("  hints     {} reads waiting, {} ahead, {} read, {} passed, {} unknown\n",
                       number(hints, "waiting"), number(hints, "ahead"), number(hints, "read"),
                       number(hints, "passed"), number(hints, "unknown"));
  }
  const auto& memory = json.at("memory");
  if (number(memory, "stored") != 0) {
    out += fmt::format("  memory    {} files ({}) given to the kernel ahead, {} opened since\n",
                       number(memory, "stored"), rounded_size(number(memory, "stored_bytes")),
                       number(memory, "opened"));
  }
  out += fmt::format("  kernel    {}\n", passthrough_text(json.at("passthrough")));
  out += fmt::format("  brain     {}\n", brain_text(json.at("brain")));
  if (const auto& model = json.at("brain").at("model"); !model.is_null()) {
    out += fmt::format("  model     {}\n", model_text(model));
  }
  out +=
      fmt::format("  files     {} known, {} open, {} keys unreachable\n", number(files, "inodes"),
                  number(files, "open_files"), number(files, "unreachable_keys"));
  return out;
}

}  // namespace

std::string to_json(const MountStatus& status) {
  const ordered_json json{{"url", status.url},
                          {"mount_point", status.mount_point.string()},
                          {"pid", status.process},
                          {"version", status.version},
                          {"uptime_seconds", status.uptime.count()},
                          {"cache", cache_json(status)},
                          {"metadata", metadata_json(status.metadata)},
                          {"remote",
                           {{"requests", status.remote.requests},
                            {"retries", status.remote.retries},
                            {"errors", status.remote.errors},
                            {"bytes_received", status.remote.bytes_received}}},
                          {"prefetch", prefetch_json(status)},
                          {"hints", hints_json(status.reading_list)},
                          {"memory", memory_json(status)},
                          {"passthrough", passthrough_json(status)},
                          {"brain", brain_json(status)},
                          {"history",
                           {{"enabled", status.history_enabled},
                            {"written", status.history.written},
                            {"dropped", status.history.dropped}}},
                          {"file_system",
                           {{"inodes", status.file_system.inodes},
                            {"open_files", status.file_system.open_files},
                            {"unreachable_keys", status.file_system.unreachable_keys}}}};
  // Paths are bytes; what is not UTF-8 in them is shown as a replacement character.
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

std::string to_text(const std::string& json) {
  try {
    return format_status(ordered_json::parse(json));
  } catch (const ordered_json::exception&) {
    return "";
  }
}

}  // namespace augurfs
