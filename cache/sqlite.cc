#include "cache/sqlite.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>  // the numbers of its error codes

#include <string>
#include <utility>

namespace augurfs {
namespace {

ErrorCode meaning(int sqlite_code) {
  switch (sqlite_code & 0xff) {  // the primary code; extended ones only refine it
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_ERROR:  // our SQL is constant, so the tables are not the ones it was written for
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
      return ErrorCode::kCorrupt;
    case SQLITE_FULL:
      return ErrorCode::kNoSpace;
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorCode::kDenied;
    case SQLITE_READONLY:
      return ErrorCode::kReadOnly;
    default:
      return ErrorCode::kUnavailable;
  }
}

// Runs `body`, which may throw what SQLiteCpp throws, and returns its result.
template <typename Body>
auto caught(const std::string& file, Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const SQLite::Exception& exception) {
    return Error{meaning(exception.getErrorCode()), file + ": " + exception.what()};
  }
}

}  // namespace

struct SqliteStatement::Parts {
  SQLite::Statement statement;
  std::string file;

  void bind(std::initializer_list<Value> values) {
    int index = 1;
    for (const Value& value : values) {
      if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        statement.bind(index, *integer);
      } else {
        const auto bytes = std::get<std::string_view>(value);
        // A null pointer would bind NULL rather than an empty blob.
        statement.bindNoCopy(index, bytes.data() == nullptr ? "" : bytes.data(),
                             static_cast<int>(bytes.size()));
      }
      ++index;
    }
  }
};

struct Sqlite::Parts {
  SQLite::Database database;
  std::string file;
};

std::int64_t SqliteRow::integer(int column) const {
  return statement_.parts_->statement.getColumn(column).getInt64();
}

std::string_view SqliteRow::blob(int column) const {
  const SQLite::Column value = statement_.parts_->statement.getColumn(column);
  const auto* bytes = static_cast<const char*>(value.getBlob());
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(value.getBytes())};
}

SqliteStatement::SqliteStatement(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SqliteStatement::SqliteStatement(SqliteStatement&&) noexcept = default;
SqliteStatement& SqliteStatement::operator=(SqliteStatement&&) noexcept = default;
SqliteStatement::~SqliteStatement() = default;

Result<void> SqliteStatement::run(std::initializer_list<Value> values) {
  return each(values, [](const SqliteRow&) { return true; });
}

Result<void> SqliteStatement::each(std::initializer_list<Value> values,
                                   const std::function<bool(const SqliteRow&)>& row) {
  auto result = caught(parts_->file, [&]() -> Result<void> {
    parts_->bind(values);
    const SqliteRow current(*this);
    while (parts_->statement.executeStep()) {
      if (!row(current)) break;
    }
    return {};
  });
  parts_->statement.tryReset();  // repeats the error of the step, which `result` has already
  return result;
}

Sqlite::Sqlite(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Sqlite::Sqlite(Sqlite&&) noexcept = default;
Sqlite& Sqlite::operator=(Sqlite&&) noexcept = default;
Sqlite::~Sqlite() = default;

Result<Sqlite> Sqlite::open(const std::filesystem::path& path) {
  constexpr int kBusyTimeoutMs = 1000;  // a curious person's sqlite3 shell may be looking
  const std::string file = path.string();
  return caught(file, [&]() -> Result<Sqlite> {
    SQLite::Database database(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, kBusyTimeoutMs);
    database.exec("PRAGMA locking_mode=EXCLUSIVE");
    database.exec("PRAGMA journal_mode=WAL");
    database.exec("PRAGMA synchronous=NORMAL");
    database.exec("PRAGMA temp_store=MEMORY");
    database.exec("PRAGMA cell_size_check=ON");
    database.exec("PRAGMA wal_autocheckpoint=" + std::to_string(kWalPages));
    database.exec("PRAGMA journal_size_limit=" + std::to_string(kWalPages * kPageBytes));
    return Sqlite(std::make_unique<Parts>(Parts{std::move(database), file}));
  });
}

Result<void> Sqlite::execute(const char* sql) {
  return caught(parts_->file, [&]() -> Result<void> {
    parts_->database.exec(sql);
    return {};
  });
}

Result<std::int64_t> Sqlite::integer(const char* sql) {
  return caught(parts_->file, [&]() -> Result<std::int64_t> {
    return parts_->database.execAndGet(sql).getInt64();
  });
}

Result<SqliteStatement> Sqlite::prepare(const char* sql) {
  return caught(parts_->file, [&]() -> Result<SqliteStatement> {
    return SqliteStatement(std::make_unique<SqliteStatement::Parts>(
        SqliteStatement::Parts{SQLite::Statement(parts_->database, sql), parts_->file}));
  });
}

Result<void> Sqlite::migrate(std::int64_t application_id, std::span<const char* const> migrations) {
  const auto application = integer("PRAGMA application_id");
  if (!application) return application.error();
  const auto schema = integer("PRAGMA user_version");
  if (!schema) return schema.error();
  const auto tables = integer("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  const auto newest = static_cast<std::int64_t>(migrations.size());
  const bool fresh = *schema == 0 && *application == 0 && *tables == 0;
  if (*schema < 0 || (!fresh && *application != application_id)) {
    return Error{ErrorCode::kCorrupt, parts_->file + " is another program's database"};
  }
  if (*schema > newest) {
    return Error{ErrorCode::kInvalid, parts_->file + " was made by a newer augurfs (schema " +
                                          std::to_string(*schema) + ", this one knows " +
                                          std::to_string(newest) + ")"};
  }
  if (*schema == newest) return {};
  return transaction([&]() -> Result<void> {
    for (const char* step : migrations.subspan(static_cast<std::size_t>(*schema))) {
      if (auto done = execute(step); !done) return done;
    }
    const std::string stamp = "PRAGMA application_id=" + std::to_string(application_id) +
                              "; PRAGMA user_version=" + std::to_string(newest);
    return execute(stamp.c_str());
  });
}

Result<void> Sqlite::transaction(const std::function<Result<void>()>& body) {
  return caught(parts_->file, [&]() -> Result<void> {
    SQLite::Transaction transaction(parts_->database, SQLite::TransactionBehavior::IMMEDIATE);
    auto result = body();
    if (result) transaction.commit();  // else the destructor rolls back
    return result;
  });
}

}  // namespace augurfs
