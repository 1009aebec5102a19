#include "predictor/history_table.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "predictor/object_id.h"
#include "remote/unique_fd.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

constexpr std::int64_t kApplicationId = 0x61756768;  // "augh"
constexpr std::uint64_t kPageBytes = Sqlite::kPageBytes;
// The write-ahead log: what is folded back at once, and a transaction, each of whose steps changes
// some four pages in the worst case.
constexpr std::size_t kStepsAtOnce = 64;
constexpr std::uint64_t kLogBytes = 2 << 20;
static_assert(kLogBytes >= (Sqlite::kWalPages + 4 * kStepsAtOnce) * kPageBytes);
constexpr const char* kAside = ".aside";

// `operation` and the bits of `flags` are numbers of their own: see to_number() and kHit.
constexpr const char* kMigrations[] = {
    "CREATE TABLE programs (id INTEGER PRIMARY KEY, path BLOB NOT NULL);"
    "CREATE TABLE streams (number INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE,"
    "  program INTEGER NOT NULL);"
    "CREATE TABLE objects (id INTEGER PRIMARY KEY, path BLOB NOT NULL);"
    "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, time_us INTEGER NOT NULL,"
    "  stream INTEGER NOT NULL, object INTEGER NOT NULL, operation INTEGER NOT NULL,"
    "  flags INTEGER NOT NULL, offset INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    "  object_bytes INTEGER NOT NULL, latency_ns INTEGER NOT NULL);"};

constexpr std::int64_t kHit = 1;
constexpr std::int64_t kByKernelReadahead = 2;
constexpr std::int64_t kRecorded = 4;

constexpr std::pair<Operation, std::int64_t> kOperations[] = {{Operation::kOpen, 1},
                                                              {Operation::kRead, 2},
                                                              {Operation::kServed, 3},
                                                              {Operation::kStat, 4},
                                                              {Operation::kList, 5}};

std::int64_t to_number(Operation operation) {
  for (const auto& [known, number] : kOperations) {
    if (known == operation) return number;
  }
  return 0;
}

Operation to_operation(std::int64_t number) {
  for (const auto& [operation, known] : kOperations) {
    if (known == number) return operation;
  }
  return Operation::kStat;
}

std::int64_t integer(std::uint64_t value) { return std::bit_cast<std::int64_t>(value); }
std::uint64_t natural(std::int64_t value) { return std::bit_cast<std::uint64_t>(value); }
std::int64_t id_of(std::string_view path) {
  return integer(static_cast<std::uint64_t>(object_id(path)));
}

std::vector<stdfs::path> files_of(const stdfs::path& path) {
  return {path, path.string() + "-wal", path.string() + "-shm", path.string() + "-journal"};
}

Error disk_trouble(const stdfs::path& path, int number) {
  return {number == ENOSPC ? ErrorCode::kNoSpace : ErrorCode::kUnavailable,
          path.string() + ": " + std::strerror(number)};
}

// Makes the file, for its user alone: SQLite gives its journals the same permissions. What stands
// there and is not a file of ours goes first.
Result<void> make_private(const stdfs::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISREG(found.st_mode)) {
      HistoryTable::set_aside(path, "no regular file");
    } else if (found.st_uid != ::geteuid()) {
      HistoryTable::set_aside(path, "it belongs to user id " + std::to_string(found.st_uid));
    }
  }
  const UniqueFd file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file || ::fchmod(file.get(), S_IRUSR | S_IWUSR) != 0) return disk_trouble(path, errno);
  return {};
}

}  // namespace

HistoryTable::HistoryTable(Sqlite database, Statements statements, std::uint64_t bytes_max)
    : database_(std::move(database)), statements_(std::move(statements)), bytes_max_(bytes_max) {}

void HistoryTable::set_aside(const stdfs::path& path, const std::string& reason) {
  std::error_code error;
  const stdfs::path aside = path.string() + kAside;
  stdfs::remove_all(aside, error);
  stdfs::rename(path, aside, error);
  if (error) stdfs::remove_all(path, error);
  for (const auto& file : files_of(path)) stdfs::remove(file, error);
  spdlog::warn("history.set_aside reason={:?} kept_as={:?}", reason, aside.string());
}

Result<HistoryTable> HistoryTable::open(const stdfs::path& path, std::uint64_t bytes_max) {
  if (auto made = make_private(path); !made) return made.error();
  auto table = try_open(path, bytes_max);
  if (table || table.error().code != ErrorCode::kCorrupt) return table;
  set_aside(path, table.error().message);
  if (auto made = make_private(path); !made) return made.error();
  return try_open(path, bytes_max);
}

Result<HistoryTable> HistoryTable::try_open(const stdfs::path& path, std::uint64_t bytes_max) {
  auto database = Sqlite::open(path);
  if (!database) return database.error();
  if (auto done = database->migrate(kApplicationId, kMigrations); !done) {
    const Error& why = done.error();  // what a newer version keeps, this one cannot read either
    return why.code == ErrorCode::kInvalid ? Error{ErrorCode::kCorrupt, why.message} : why;
  }
  auto statements = prepare(*database);
  if (!statements) return statements.error();
  HistoryTable table(std::move(*database), std::move(*statements),
                     std::max(bytes_max, kBytesMin) - kLogBytes);
  if (auto done = table.keep_bound(); !done) return done.error();
  return table;
}

// Beyond the bound SQLite itself refuses. It never makes a file smaller, as one must become whose
// bound was set lower.
Result<void> HistoryTable::keep_bound() {
  constexpr int kHalvingsMax = 32;
  for (int i = 0; i < kHalvingsMax; ++i) {
    const auto pages = database_.integer("PRAGMA page_count");
    if (!pages) return pages.error();
    if (natural(*pages) * kPageBytes <= bytes_max_) break;
    if (auto done = make_room(); !done) return done;
    if (auto done = database_.execute("VACUUM"); !done) return done;
  }
  const std::string limit = "PRAGMA max_page_count=" + std::to_string(bytes_max_ / kPageBytes);
  return database_.execute(limit.c_str());
}

Result<void> HistoryTable::remove(const stdfs::path& path) {
  std::vector<stdfs::path> files = files_of(path);
  files.emplace_back(path.string() + kAside);
  for (const auto& file : files) {
    std::error_code error;
    stdfs::remove_all(file, error);
    if (error) return disk_trouble(file, error.value());
  }
  return {};
}

Result<HistoryTable::Statements> HistoryTable::prepare(Sqlite& database) {
  auto put_program = database.prepare("INSERT OR IGNORE INTO programs (id, path) VALUES (?, ?)");
  if (!put_program) return put_program.error();
  auto put_stream = database.prepare("INSERT OR IGNORE INTO streams (id, program) VALUES (?, ?)");
  if (!put_stream) return put_stream.error();
  auto put_object = database.prepare("INSERT OR IGNORE INTO objects (id, path) VALUES (?, ?)");
  if (!put_object) return put_object.error();
  auto put_event = database.prepare(
      "INSERT INTO events (time_us, stream, object, operation, flags, offset, bytes, object_bytes,"
      " latency_ns) VALUES (?, coalesce((SELECT number FROM streams WHERE id = ?), 0), ?, ?, ?, ?,"
      " ?, ?, ?)");
  if (!put_event) return put_event.error();
  auto read = database.prepare(
      "SELECT e.number, e.time_us, e.stream, e.operation, e.flags, e.offset, e.bytes,"
      " e.object_bytes, e.latency_ns, o.path, p.path FROM events e JOIN objects o ON o.id = "
      "e.object"
      " LEFT JOIN streams s ON s.number = e.stream LEFT JOIN programs p ON p.id = s.program"
      " WHERE e.number > ? ORDER BY e.number LIMIT ?");
  if (!read) return read.error();
  return Statements{std::move(*put_program), std::move(*put_stream), std::move(*put_object),
                    std::move(*put_event), std::move(*read)};
}

Result<void> HistoryTable::put(const HistoryRow& row) {
  const std::int64_t object = id_of(row.path);
  if (auto done = statements_.put_object.run({object, std::string_view(row.path)}); !done) {
    return done;
  }
  if (row.stream != 0) {
    const std::int64_t program = row.program.empty() ? 0 : id_of(row.program);
    if (auto done = statements_.put_stream.run({integer(row.stream), program}); !done) return done;
    if (program != 0) {
      auto done = statements_.put_program.run({program, std::string_view(row.program)});
      if (!done) return done;
    }
  }
  const std::int64_t flags = (row.hit ? kHit : 0) |
                             (row.by_kernel_readahead ? kByKernelReadahead : 0) |
                             (row.recorded ? kRecorded : 0);
  return statements_.put_event.run({std::int64_t{row.time.count()}, integer(row.stream), object,
                                    to_number(row.operation), flags, integer(row.range.offset),
                                    integer(row.range.length), integer(row.object_bytes),
                                    std::int64_t{row.latency.count()}});
}

Result<void> HistoryTable::append(std::span<const HistoryRow> rows) {
  Result<void> done;
  while (done && !rows.empty()) {
    const auto piece = rows.first(std::min(rows.size(), kStepsAtOnce));
    rows = rows.subspan(piece.size());
    const auto used = bytes();
    if (!used) return used.error();
    if (*used > bytes_max_ / 10 * 8) done = make_room();  // the rest is for this piece
    const auto put_piece = [&] {
      return in_pieces(piece.size(), [&](std::size_t i) { return put(piece[i]); });
    };
    if (done) done = put_piece();
    // Very long paths may need more; but it may also be the disk that is full.
    const bool full = !done && done.error().code == ErrorCode::kNoSpace;
    if (!full || *used < bytes_max_ / 2) continue;
    done = make_room();
    if (done) done = put_piece();
  }
  return done;
}

// The older half goes, so that it happens rarely.
Result<void> HistoryTable::make_room() {
  const auto middle =
      database_.integer("SELECT coalesce((min(number) + max(number)) / 2, 0) FROM events");
  if (!middle) return middle.error();
  return forget_up_to(*middle);
}

Result<void> HistoryTable::forget_before(HistoryTime time) {
  std::int64_t number = 0;
  auto oldest = database_.prepare("SELECT number, time_us FROM events ORDER BY number");
  if (!oldest) return oldest.error();
  auto done = oldest->each({}, [&](const SqliteRow& row) {
    if (HistoryTime{row.integer(1)} >= time) return false;
    number = row.integer(0);
    return true;
  });
  if (!done || number == 0) return done;
  return forget_up_to(number);
}

// In pieces, as everything here: a transaction is as large in the log as the pages it changes.
Result<void> HistoryTable::forget_up_to(std::int64_t number) {
  constexpr std::int64_t kEventsAtOnce = 1024;  // adjacent, so that they share pages
  const auto first = database_.integer("SELECT coalesce(min(number), 0) FROM events");
  if (!first) return first.error();
  auto remove = database_.prepare("DELETE FROM events WHERE number <= ?");
  if (!remove) return remove.error();
  for (std::int64_t at = *first; at <= number; at += kEventsAtOnce) {
    if (auto done = remove->run({std::min(number, at + kEventsAtOnce - 1)}); !done) return done;
  }
  for (const auto& [unused, by_id] :
       {std::pair{"SELECT id FROM objects WHERE id NOT IN (SELECT object FROM events)",
                  "DELETE FROM objects WHERE id = ?"},
        std::pair{"SELECT number FROM streams WHERE number NOT IN (SELECT stream FROM events)",
                  "DELETE FROM streams WHERE number = ?"},
        std::pair{"SELECT id FROM programs WHERE id NOT IN (SELECT program FROM streams)",
                  "DELETE FROM programs WHERE id = ?"}}) {
    if (auto done = remove_each(unused, by_id); !done) return done;
  }
  return {};
}

// Runs `by_id` for each row of `select`.
Result<void> HistoryTable::remove_each(const char* select, const char* by_id) {
  std::vector<std::int64_t> ids;
  auto found = database_.prepare(select);
  if (!found) return found.error();
  auto done = found->each({}, [&](const SqliteRow& row) {
    ids.push_back(row.integer(0));
    return true;
  });
  if (!done) return done;
  auto remove = database_.prepare(by_id);
  if (!remove) return remove.error();
  return in_pieces(ids.size(), [&](std::size_t i) { return remove->run({ids[i]}); });
}

// Calls `step` for 0 to count - 1, some of them in each transaction.
Result<void> HistoryTable::in_pieces(std::size_t count,
                                     const std::function<Result<void>(std::size_t)>& step) {
  Result<void> done;
  for (std::size_t at = 0; done && at < count; at += kStepsAtOnce) {
    done = database_.transaction([&]() -> Result<void> {
      for (std::size_t i = at; i < std::min(count, at + kStepsAtOnce); ++i) {
        if (auto stepped = step(i); !stepped) return stepped;
      }
      return {};
    });
  }
  return done;
}

Result<std::vector<HistoryRow>> HistoryTable::read(HistoryCursor& cursor, std::size_t rows_max) {
  std::vector<HistoryRow> rows;
  auto done = statements_.read.each({cursor.after, integer(rows_max)}, [&](const SqliteRow& row) {
    HistoryRow& out = rows.emplace_back();
    out.time = HistoryTime{row.integer(1)};
    if (cursor.after == 0) cursor.origin = out.time;
    cursor.after = row.integer(0);
    out.stream = natural(row.integer(2));
    out.operation = to_operation(row.integer(3));
    out.hit = (row.integer(4) & kHit) != 0;
    out.by_kernel_readahead = (row.integer(4) & kByKernelReadahead) != 0;
    out.recorded = (row.integer(4) & kRecorded) != 0;
    out.range = {natural(row.integer(5)), natural(row.integer(6))};
    out.object_bytes = natural(row.integer(7));
    out.latency = std::chrono::nanoseconds{row.integer(8)};
    out.path = row.blob(9);
    out.program = row.blob(10);
    return true;
  });
  if (!done) return done.error();
  return rows;
}

Result<HistoryCursor> HistoryTable::newest(std::size_t rows) {
  const auto number = database_.integer("SELECT coalesce(max(number), 0) FROM events");
  if (!number) return number.error();
  const auto before = integer(rows);  // numbers follow each other
  return HistoryCursor{.after = *number > before ? *number - before : 0};
}

Result<HistorySummary> HistoryTable::summary() {
  HistorySummary out;
  auto totals = database_.prepare(
      "SELECT count(*), coalesce(min(time_us), 0), coalesce(max(time_us), 0),"
      " (SELECT count(*) FROM objects), (SELECT count(*) FROM streams) FROM events");
  if (!totals) return totals.error();
  auto done = totals->each({}, [&](const SqliteRow& row) {
    out.events = natural(row.integer(0));
    out.first = HistoryTime{row.integer(1)};
    out.last = HistoryTime{row.integer(2)};
    out.objects = natural(row.integer(3));
    out.streams = natural(row.integer(4));
    return true;
  });
  if (!done) return done.error();
  auto top = database_.prepare(
      "SELECT p.path, sum(c.events) AS total FROM"
      " (SELECT stream, count(*) AS events FROM events GROUP BY stream) c"
      " JOIN streams s ON s.number = c.stream JOIN programs p ON p.id = s.program"
      " GROUP BY p.id ORDER BY total DESC, p.path LIMIT ?");
  if (!top) return top.error();
  done = top->each({integer(kTopPrograms)}, [&](const SqliteRow& row) {
    out.programs.push_back({std::string(row.blob(0)), natural(row.integer(1))});
    return true;
  });
  if (!done) return done.error();
  const auto used = bytes();
  if (!used) return used.error();
  out.bytes = *used;
  return out;
}

Result<HistoryTime> HistoryTable::last() {
  const auto time = database_.integer(
      "SELECT coalesce((SELECT time_us FROM events ORDER BY number DESC LIMIT 1), 0)");
  if (!time) return time.error();
  return HistoryTime{*time};
}

Result<std::uint64_t> HistoryTable::bytes() {
  const auto pages = database_.integer("PRAGMA page_count");
  if (!pages) return pages.error();
  const auto free_pages = database_.integer("PRAGMA freelist_count");
  if (!free_pages) return free_pages.error();
  return natural(*pages - *free_pages) * kPageBytes;
}

}  // namespace augurfs
