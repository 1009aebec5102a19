#include "cache/chunk_index.h"

#include <spdlog/spdlog.h>

#include <bit>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

constexpr std::int64_t kApplicationId = 0x61756772;  // "augr": tells our database from any other

constexpr const char* kMigrations[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "CREATE TABLE objects (id INTEGER PRIMARY KEY, key BLOB NOT NULL, etag BLOB NOT NULL,"
    "  size INTEGER NOT NULL, chunk_size INTEGER NOT NULL);"
    "CREATE TABLE chunks (object INTEGER NOT NULL, chunk INTEGER NOT NULL,"
    "  checksum INTEGER NOT NULL, last_use INTEGER NOT NULL, origin INTEGER NOT NULL,"
    "  frequency INTEGER NOT NULL, PRIMARY KEY (object, chunk)) WITHOUT ROWID;"};

Result<std::optional<std::string>> meta(Sqlite& database, const std::string& name) {
  auto query = database.prepare(("SELECT value FROM meta WHERE name = '" + name + "'").c_str());
  if (!query) return query.error();
  std::optional<std::string> value;
  auto done = query->each({}, [&](const SqliteRow& row) {
    value = std::string(row.blob(0));
    return false;
  });
  if (!done) return done.error();
  return value;
}

Result<void> check_identity(Sqlite& database, const stdfs::path& path,
                            const std::string& store_identity) {
  const auto owner = meta(database, "store");
  if (!owner) return owner.error();
  if (owner->has_value()) {
    if (**owner == store_identity) return {};
    return Error{ErrorCode::kInvalid, "the cache directory " + path.parent_path().string() +
                                          " holds objects of " + **owner + ", not of " +
                                          store_identity + "; choose another cache.dir"};
  }
  auto put = database.prepare("INSERT INTO meta (name, value) VALUES ('store', ?)");
  if (!put) return put.error();
  return put->run({std::string_view(store_identity)});
}

// Moves the database out of the way and forgets an earlier one that was.
void set_aside(const stdfs::path& path, const std::string& reason) {
  const std::string prefix = path.filename().string() + ".damaged-";
  std::error_code error;
  std::vector<stdfs::path> earlier;
  for (stdfs::directory_iterator it(path.parent_path(), error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename().string().starts_with(prefix)) earlier.push_back(it->path());
  }
  for (const auto& file : earlier) stdfs::remove(file, error);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto stamp = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  const stdfs::path aside = path.parent_path() / (prefix + std::to_string(stamp));
  stdfs::rename(path, aside, error);
  if (error) stdfs::remove(path, error);
  stdfs::remove(path.string() + "-wal", error);
  spdlog::error("cache.index_damaged reason={:?} kept_as={:?}", reason, aside.string());
}

constexpr std::string_view kChunks = " chunks";

// Of meta.clean. A damaged database may read as a sound one of fewer rows.
std::optional<std::uint64_t> parse_clean(std::string_view value) {
  std::uint64_t chunks = 0;
  if (!value.ends_with(kChunks)) return std::nullopt;
  value.remove_suffix(kChunks.size());
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), chunks);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return chunks;
}

}  // namespace

ChunkIndex::ChunkIndex(Sqlite database, Statements statements,
                       std::optional<std::uint64_t> clean_chunks)
    : database_(std::move(database)),
      statements_(std::move(statements)),
      clean_chunks_(clean_chunks) {}

Result<ChunkIndex> ChunkIndex::open(const stdfs::path& path, const std::string& store_identity) {
  auto index = try_open(path, store_identity);
  if (index || index.error().code != ErrorCode::kCorrupt) return index;
  return start_over(nullptr, path, store_identity, index.error().message);
}

Result<ChunkIndex> ChunkIndex::start_over(std::unique_ptr<ChunkIndex> damaged,
                                          const stdfs::path& path,
                                          const std::string& store_identity,
                                          const std::string& reason) {
  damaged.reset();  // closes the file before it is moved
  set_aside(path, reason);
  return try_open(path, store_identity);
}

Result<ChunkIndex> ChunkIndex::try_open(const stdfs::path& path,
                                        const std::string& store_identity) {
  auto database = Sqlite::open(path);
  if (!database) return database.error();
  if (auto done = database->migrate(kApplicationId, kMigrations); !done) {
    if (done.error().code != ErrorCode::kInvalid) return done.error();
    return Error{ErrorCode::kInvalid, "the cache index " + done.error().message +
                                          "; use that version, or choose another cache.dir"};
  }
  if (auto done = check_identity(*database, path, store_identity); !done) return done.error();
  const auto clean = meta(*database, "clean");
  if (!clean) return clean.error();
  auto statements = prepare(*database);
  if (!statements) return statements.error();
  return ChunkIndex(std::move(*database), std::move(*statements), parse_clean(clean->value_or("")));
}

Result<ChunkIndex::Statements> ChunkIndex::prepare(Sqlite& database) {
  auto put_object = database.prepare(
      "INSERT OR REPLACE INTO objects (id, key, etag, size, chunk_size) VALUES (?, ?, ?, ?, ?)");
  if (!put_object) return put_object.error();
  auto put_chunk = database.prepare(
      "INSERT OR REPLACE INTO chunks (object, chunk, checksum, last_use, origin, frequency)"
      " VALUES (?, ?, ?, ?, ?, ?)");
  if (!put_chunk) return put_chunk.error();
  auto remove_object = database.prepare("DELETE FROM objects WHERE id = ?");
  if (!remove_object) return remove_object.error();
  auto remove_chunk = database.prepare("DELETE FROM chunks WHERE object = ? AND chunk = ?");
  if (!remove_chunk) return remove_chunk.error();
  auto put_clean =
      database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('clean', ?)");
  if (!put_clean) return put_clean.error();
  return Statements{std::move(*put_object), std::move(*put_chunk), std::move(*remove_object),
                    std::move(*remove_chunk), std::move(*put_clean)};
}

Result<void> ChunkIndex::load(const std::function<bool(ObjectRecord)>& object,
                              const std::function<bool(const ChunkRecord&)>& chunk) {
  auto objects = database_.prepare("SELECT id, key, etag, size, chunk_size FROM objects");
  if (!objects) return objects.error();
  auto done = objects->each({}, [&](const SqliteRow& row) {
    return object({static_cast<std::uint64_t>(row.integer(0)),
                   {std::string(row.blob(1)), std::string(row.blob(2)),
                    static_cast<std::uint64_t>(row.integer(3))},
                   static_cast<std::uint32_t>(row.integer(4))});
  });
  if (!done) return done;
  auto chunks =
      database_.prepare("SELECT object, chunk, checksum, last_use, origin, frequency FROM chunks");
  if (!chunks) return chunks.error();
  return chunks->each({}, [&](const SqliteRow& row) {
    return chunk(
        {{static_cast<std::uint64_t>(row.integer(0)), static_cast<std::uint32_t>(row.integer(1))},
         std::bit_cast<std::uint64_t>(row.integer(2)),
         static_cast<std::uint32_t>(row.integer(3)),
         row.integer(4) == 0 ? Origin::kDemand : Origin::kPrefetch,
         static_cast<std::uint8_t>(row.integer(5))});
  });
}

Result<void> ChunkIndex::write(const IndexBatch& batch) {
  const auto integer = [](auto value) { return static_cast<std::int64_t>(value); };
  return database_.transaction([&]() -> Result<void> {
    for (const auto id : batch.removed_objects) {
      if (auto done = statements_.remove_object.run({integer(id)}); !done) return done;
    }
    for (const ChunkId& id : batch.removed_chunks) {
      auto done = statements_.remove_chunk.run({integer(id.object), integer(id.chunk)});
      if (!done) return done;
    }
    for (const ObjectRecord& object : batch.objects) {
      const Version& version = object.version;
      auto done = statements_.put_object.run({integer(object.id), std::string_view(version.key),
                                              std::string_view(version.etag), integer(version.size),
                                              integer(object.chunk_size_bytes)});
      if (!done) return done;
    }
    for (const ChunkRecord& chunk : batch.chunks) {
      auto done = statements_.put_chunk.run(
          {integer(chunk.id.object), integer(chunk.id.chunk),
           std::bit_cast<std::int64_t>(chunk.checksum), integer(chunk.last_use_s),
           integer(chunk.origin == Origin::kDemand ? 0 : 1), integer(chunk.frequency)});
      if (!done) return done;
    }
    return {};
  });
}

Result<void> ChunkIndex::mark_clean(std::uint64_t chunks) {
  return mark(std::to_string(chunks) + std::string(kChunks));
}

Result<void> ChunkIndex::mark_in_use() { return mark("0"); }

Result<void> ChunkIndex::mark(std::string_view clean) {
  // The one commit that must not be lost with the power: a stale "clean" would hide leftovers.
  if (auto done = database_.execute("PRAGMA synchronous=FULL"); !done) return done;
  auto marked = statements_.put_clean.run({clean});
  auto done = database_.execute("PRAGMA synchronous=NORMAL");
  return marked ? done : marked;
}

}  // namespace augurfs
