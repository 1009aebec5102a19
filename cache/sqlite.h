#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <variant>

#include "remote/result.h"

namespace augurfs {

class SqliteStatement;

// A row of a query, valid during the call it is handed to. Columns count from 0.
class SqliteRow {
 public:
  explicit SqliteRow(const SqliteStatement& statement) : statement_(statement) {}
  std::int64_t integer(int column) const;
  std::string_view blob(int column) const;

 private:
  const SqliteStatement& statement_;
};

// A prepared statement. Text is bound and read as blob: keys may hold any byte.
class SqliteStatement {
 public:
  using Value = std::variant<std::int64_t, std::string_view>;

  struct Parts;
  explicit SqliteStatement(std::unique_ptr<Parts> parts);
  SqliteStatement(SqliteStatement&&) noexcept;
  SqliteStatement& operator=(SqliteStatement&&) noexcept;
  ~SqliteStatement();

  // Runs to the end; rows are dropped.
  Result<void> run(std::initializer_list<Value> values);
  // Hands each row to `row` until that returns false.
  Result<void> each(std::initializer_list<Value> values,
                    const std::function<bool(const SqliteRow&)>& row);

 private:
  friend class SqliteRow;
  std::unique_ptr<Parts> parts_;
};

// One connection to one database file; the only place that knows SQLite and its exceptions.
//
// The connection has the file to itself (locking_mode=EXCLUSIVE), so nobody's open read can keep
// the write-ahead log from being folded back: its size is bounded by kWalPages and one
// transaction. Thread rule: one thread at a time.
// Errors: kCorrupt (not a database, damaged, not our tables), kNoSpace, kDenied, kReadOnly,
// kUnavailable (disk error, or somebody else has the file open).
class Sqlite {
 public:
  static constexpr int kWalPages = 128;
  static constexpr int kPageBytes = 4096;

  static Result<Sqlite> open(const std::filesystem::path& path);

  Sqlite(Sqlite&&) noexcept;
  Sqlite& operator=(Sqlite&&) noexcept;
  ~Sqlite();

  Result<void> execute(const char* sql);
  Result<std::int64_t> integer(const char* sql);
  Result<SqliteStatement> prepare(const char* sql);
  // Brings the tables to schema migrations.size(), all the way or not at all. migrations[n] leads
  // from schema n to n + 1: never change one that was released, add one. `application_id` marks the
  // database as ours. kCorrupt: it is another program's; kInvalid: a newer version of us made it.
  Result<void> migrate(std::int64_t application_id, std::span<const char* const> migrations);
  // All of `body` or nothing.
  Result<void> transaction(const std::function<Result<void>()>& body);

 private:
  struct Parts;
  explicit Sqlite(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
