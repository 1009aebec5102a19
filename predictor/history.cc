#include "predictor/history.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "predictor/neural/checkpoint.h"
#include "predictor/profile_file.h"
#include "remote/small_file.h"

namespace augurfs {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLatest{1000};  // how late a row may be written
constexpr std::size_t kBatchRows = 4096;
constexpr std::chrono::minutes kTrimEvery{10};

HistoryTime since_epoch(auto time) {
  return std::chrono::duration_cast<HistoryTime>(time.time_since_epoch());
}

}  // namespace

Result<std::unique_ptr<History>> History::open(const HistoryOptions& options) {
  auto history = try_open(options);
  if (history || history.error().code != ErrorCode::kCorrupt) return history;
  HistoryTable::set_aside(options.file, history.error().message);
  return try_open(options);
}

Result<std::unique_ptr<History>> History::try_open(const HistoryOptions& options) {
  auto table = HistoryTable::open(options.file, options.bytes_max);
  if (!table) return table.error();
  const auto last = table->last();
  if (!last) return last.error();
  const HistoryTime now = std::max(*last, since_epoch(options.wall_now()));
  const auto age = std::chrono::duration_cast<HistoryTime>(options.age_max);
  if (auto done = table->forget_before(now - age); !done) return done.error();
  return std::unique_ptr<History>(new History(options, std::move(*table), *last));
}

History::History(HistoryOptions options, HistoryTable table, HistoryTime last)
    : options_(std::move(options)) {
  state_.lock()->last = last;
  table_.lock()->open = std::move(table);
  if (options_.background) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
}

History::~History() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  (void)flush();  // logged; there is nobody left to tell
}

void History::add(const Event& event, std::string_view path, std::string_view program) {
  if (event.operation == Operation::kRelease) return;  // says nothing that the reads do not
  HistoryRow row;
  row.operation = event.operation;
  row.hit = event.hit;
  row.by_kernel_readahead = event.by_kernel_readahead;
  row.recorded = event.recorded;
  row.stream = event.stream;
  row.program = program;
  row.path = path;
  row.range = event.range;
  row.object_bytes = event.object_bytes;
  row.latency = event.latency;
  const HistoryTime ahead = since_epoch(options_.wall_now()) - since_epoch(steady_clock::now());
  bool full = false;
  {
    auto state = state_.lock();
    if (event.time < state->wiped) return;
    // The steady clock stands still while the machine sleeps; the other may jump back.
    state->ahead = std::max(state->ahead, ahead);
    row.time = state->last = std::max(state->last, since_epoch(event.time) + state->ahead);
    if (state->pending.size() >= kPendingMax) {
      ++state->stats.dropped;
      return;
    }
    state->pending.push_back(std::move(row));
    full = state->pending.size() == 1 || state->pending.size() == kBatchRows;
  }
  if (full) filled_.notify_one();
}

void History::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      auto state = state_.lock();
      filled_.wait(state.mutex(), stop, [&] { return !state->pending.empty(); });
      filled_.wait_for(state.mutex(), stop, kLatest,
                       [&] { return state->pending.size() >= kBatchRows; });
    }
    if (!stop.stop_requested()) (void)flush();  // logged
  }
}

Result<void> History::flush() {
  auto table = table_.lock();
  std::vector<HistoryRow> rows;
  std::swap(rows, state_.lock()->pending);
  if (rows.empty()) return {};
  auto written = write(*table, rows);
  if (!written && !table->failing) {
    spdlog::warn("history.not_written message={:?}", written.error().message);
  }
  table->failing = !written;
  auto state = state_.lock();
  (written ? state->stats.written : state->stats.dropped) += rows.size();
  return written;
}

Result<void> History::reopen(Table& table) {
  table.open.reset();
  auto opened = HistoryTable::open(options_.file, options_.bytes_max);
  if (!opened) return opened.error();
  table.open = std::move(*opened);
  return {};
}

Result<void> History::write(Table& table, const std::vector<HistoryRow>& rows) {
  Result<void> written;
  if (!table.open) written = reopen(table);
  if (written) written = table.open->append(rows);
  if (!written && written.error().code == ErrorCode::kCorrupt) {
    table.open.reset();
    HistoryTable::set_aside(options_.file, written.error().message);
    written = reopen(table);
    if (written) written = table.open->append(rows);
  }
  return written ? trim(table) : written;
}

Result<void> History::trim(Table& table) {
  const auto now = steady_clock::now();
  if (now - table.trimmed < kTrimEvery) return {};
  table.trimmed = now;
  const auto last = table.open->last();
  if (!last) return last.error();
  return table.open->forget_before(*last -
                                   std::chrono::duration_cast<HistoryTime>(options_.age_max));
}

Result<void> History::wipe() {
  auto table = table_.lock();
  {
    auto state = state_.lock();
    state->pending.clear();
    state->wiped = steady_clock::now();
  }
  table->open.reset();
  if (auto removed = remove(options_.file); !removed) return removed;
  spdlog::info("history.wiped file={:?}", options_.file.string());
  return reopen(*table);
}

Result<void> History::remove(const std::filesystem::path& file) {
  for (const char* const learned : {kProfileFile, kModelFile}) {
    for (const char* const more : {"", ".new", ".aside"}) {
      const std::string name = (file.parent_path() / learned).string() + more;
      std::error_code error;
      std::filesystem::remove_all(name, error);
      if (error) return Error{ErrorCode::kUnavailable, name + ": " + error.message()};
    }
  }
  return HistoryTable::remove(file);
}

Result<void> History::import(Profile profile) {
  if (options_.profile_bytes_max == 0) {
    return Error{ErrorCode::kNoSpace,
                 "there is no room for a profile: history.size is too small, or cache.size"};
  }
  const auto table = table_.lock();
  auto packed = pack(merge(read_imported(), std::move(profile)), options_.profile_bytes_max);
  if (!packed) return packed.error();
  // What would be set aside by the next reader is not taken.
  if (const auto sound = unpack(*packed, "below the prefix of this mount"); !sound) {
    return sound.error();
  }
  return write_small_file(profile_file(), *packed);
}

Profile History::imported() {
  const auto table = table_.lock();
  return read_imported();
}

Profile History::read_imported() const {
  const auto bytes = read_small_file(profile_file(), kProfileBytesMax);
  if (bytes && !*bytes) return {};
  auto profile = bytes ? unpack(**bytes, profile_file().string()) : bytes.error();
  if (profile) return std::move(*profile);
  const std::string aside = profile_file().string() + ".aside";
  std::error_code error;
  std::filesystem::rename(profile_file(), aside, error);
  spdlog::warn("profile.set_aside reason={:?} kept_as={:?}", profile.error().message, aside);
  return {};
}

// What cannot be written, on a full disk, is no reason not to tell what was.
template <typename T>
Result<T> History::ask(const std::function<Result<T>(HistoryTable&)>& question) {
  const auto written = flush();
  auto table = table_.lock();
  if (table->open) return question(*table->open);
  if (!written) return written.error();
  return T{};
}

Result<std::vector<HistoryRow>> History::read(HistoryCursor& cursor, std::size_t rows_max) {
  return ask<std::vector<HistoryRow>>(
      [&](HistoryTable& table) { return table.read(cursor, rows_max); });
}

Result<HistoryCursor> History::newest(std::size_t rows) {
  return ask<HistoryCursor>([&](HistoryTable& table) { return table.newest(rows); });
}

Result<HistorySummary> History::summary() {
  return ask<HistorySummary>([](HistoryTable& table) { return table.summary(); });
}

HistoryStats History::stats() const { return state_.lock()->stats; }

}  // namespace augurfs
