#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cache/sqlite.h"
#include "predictor/event.h"
#include "remote/result.h"

namespace augurfs {

// Time since the epoch, as the history counts it: it never goes back.
using HistoryTime = std::chrono::microseconds;

// One access as it is kept: an event with names in place of ids.
struct HistoryRow {
  HistoryTime time{};
  Operation operation = Operation::kRead;  // kRelease is not kept
  bool hit = false;
  bool by_kernel_readahead = false;
  bool recorded = false;     // of a program whose accesses are to become a profile
  std::uint64_t stream = 0;  // written: a hash; read: its number in this history; 0: not known
  std::string program;       // the path of its executable, "" when not known
  std::string path;          // the key, or the prefix of a directory
  ByteRange range;
  std::uint64_t object_bytes = 0;
  std::chrono::nanoseconds latency{};
};

// Where a reader of the history is.
struct HistoryCursor {
  std::int64_t after = 0;  // the number of the last row it has seen
  HistoryTime origin{};    // the time of the first one
};

struct HistorySummary {
  struct Program {
    std::string path;
    std::uint64_t events = 0;
  };
  std::uint64_t events = 0;
  std::uint64_t objects = 0;
  std::uint64_t streams = 0;
  std::uint64_t bytes = 0;  // on disk
  HistoryTime first{};
  HistoryTime last{};
  std::vector<Program> programs;  // those with most events, most first
};

// history.db: accesses in the order they were made; never a content, a user, a pid or a host. Each
// path and each program is stored once.
//
// Never an error for what is found: a file that is damaged, of a newer schema, of another
// application or of another owner is set aside as history.db.aside (one is kept) with a log line,
// and a new one begins. Errors are those of the disk. The file is for its user alone.
// Thread rule: one thread at a time.
class HistoryTable {
 public:
  static constexpr std::size_t kTopPrograms = 10;
  static constexpr std::uint64_t kBytesMin = 4 << 20;  // a bound below this is this

  static Result<HistoryTable> open(const std::filesystem::path& path, std::uint64_t bytes_max);
  // Out of the way, for one that proved damaged; it is closed by now.
  static void set_aside(const std::filesystem::path& path, const std::string& reason);
  // With everything that was set aside or belongs to it.
  static Result<void> remove(const std::filesystem::path& path);

  // Makes room first by forgetting the oldest; never more than `bytes_max` on disk, the
  // write-ahead log (2 MiB) included. After an error some of the rows may be there.
  Result<void> append(std::span<const HistoryRow> rows);
  Result<void> forget_before(HistoryTime time);
  // Up to `rows_max` rows from the cursor on, which moves; fewer only at the end.
  Result<std::vector<HistoryRow>> read(HistoryCursor& cursor, std::size_t rows_max);
  // Where a reader of the newest rows begins; of none of them, where it ends.
  Result<HistoryCursor> newest(std::size_t rows);
  Result<HistorySummary> summary();
  // Of the newest row; 0 when there is none.
  Result<HistoryTime> last();

 private:
  struct Statements {
    SqliteStatement put_program;
    SqliteStatement put_stream;
    SqliteStatement put_object;
    SqliteStatement put_event;
    SqliteStatement read;
  };

  HistoryTable(Sqlite database, Statements statements, std::uint64_t bytes_max);
  static Result<HistoryTable> try_open(const std::filesystem::path& path, std::uint64_t bytes_max);
  static Result<Statements> prepare(Sqlite& database);
  Result<void> put(const HistoryRow& row);
  Result<void> keep_bound();
  Result<void> make_room();
  Result<void> forget_up_to(std::int64_t number);
  Result<void> remove_each(const char* select, const char* by_id);
  Result<void> in_pieces(std::size_t count, const std::function<Result<void>(std::size_t)>& step);
  Result<std::uint64_t> bytes();

  Sqlite database_;
  Statements statements_;
  std::uint64_t bytes_max_;  // of the file alone
};

}  // namespace augurfs
