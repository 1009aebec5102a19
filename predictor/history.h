#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>
#include <vector>

#include "predictor/event.h"
#include "predictor/history_table.h"
#include "predictor/profile.h"
#include "remote/guarded.h"
#include "remote/result.h"

namespace augurfs {

// In the cache directory: what was seen on this machine, and what was imported.
inline constexpr const char* kHistoryFile = "history.db";
inline constexpr const char* kProfileFile = "profile.csv.zst";

struct HistoryOptions {
  std::filesystem::path file;
  std::uint64_t bytes_max = 64 << 20;
  std::uint64_t profile_bytes_max = 0;  // of what was imported; while it changes, twice that
  std::chrono::milliseconds age_max = std::chrono::hours{24 * 90};
  std::function<std::chrono::system_clock::time_point()> wall_now = std::chrono::system_clock::now;
  bool background = true;  // false for tests: rows are written by flush() alone
};

struct HistoryStats {
  std::uint64_t written = 0;
  std::uint64_t dropped = 0;  // the disk took them not, or not quickly enough
};

// What programs did on a mount, kept for the next start of the predictor and for whoever asks.
//
// add() puts a row where a thread of the history's own finds it; it writes them in batches, a
// second late at most, and forgets what is too old or too much. A disk that errs costs rows, with
// one log line until it is well again; a file that proves damaged is set aside. Times never go
// back: when the clock does, the history keeps its own until the clock has caught up.
// Thread rule: any thread; add() waits for no disk. The destructor writes what waits.
class History {
 public:
  static constexpr std::size_t kPendingMax = 1 << 14;

  static Result<std::unique_ptr<History>> open(const HistoryOptions& options);

  History(const History&) = delete;
  History& operator=(const History&) = delete;
  ~History();

  // `path` is the key of the event's object, `program` the path of its executable or "".
  void add(const Event& event, std::string_view path, std::string_view program);

  // Forgets everything, what was recorded until now and waits somewhere included, and what was
  // imported. The files are removed, not emptied.
  Result<void> wipe();
  // The files of a history that nobody has open.
  static Result<void> remove(const std::filesystem::path& file);

  // What was learned elsewhere, with keys of this bucket as its paths. It is kept beside what
  // was seen here, within a bound of its own, joined with what was imported before; after an
  // error it is as if nothing had been imported. kNoSpace when there is no room for any.
  Result<void> import(Profile profile);
  // What was imported; a file of it that is damaged is set aside. Nothing is no error.
  Profile imported();
  Result<std::vector<HistoryRow>> read(HistoryCursor& cursor, std::size_t rows_max);
  Result<HistoryCursor> newest(std::size_t rows);
  Result<HistorySummary> summary();
  HistoryStats stats() const;

  // Writes what waits.
  Result<void> flush();

 private:
  struct State {
    std::vector<HistoryRow> pending;
    std::chrono::steady_clock::time_point wiped{};
    HistoryTime ahead{std::chrono::hours{-24 * 365 * 1000}};  // of the steady clock
    HistoryTime last{};
    HistoryStats stats;
  };
  struct Table {
    std::optional<HistoryTable> open;  // none while it cannot be opened
    bool failing = false;
    std::chrono::steady_clock::time_point trimmed = std::chrono::steady_clock::now();
  };

  static Result<std::unique_ptr<History>> try_open(const HistoryOptions& options);
  History(HistoryOptions options, HistoryTable table, HistoryTime last);
  void run(const std::stop_token& stop);
  Result<void> reopen(Table& table);
  Result<void> write(Table& table, const std::vector<HistoryRow>& rows);
  Result<void> trim(Table& table);
  std::filesystem::path profile_file() const { return options_.file.parent_path() / kProfileFile; }
  Profile read_imported() const;
  template <typename T>
  Result<T> ask(const std::function<Result<T>(HistoryTable&)>& question);

  const HistoryOptions options_;
  std::condition_variable_any filled_;
  // Before `state_` where both are held: rows are written in the order they were taken, and none
  // are on their way while there is a wipe.
  Guarded<Table> table_;
  Guarded<State> state_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace augurfs
