#include "cache/listing_file.h"

#include <spdlog/spdlog.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <system_error>
#include <utility>
#include <vector>

#include "cache/listing_code.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::int64_t kApplicationId = 0x6175676c;  // "augl"
constexpr const char* kMigrations[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "CREATE TABLE listings (id INTEGER PRIMARY KEY, prefix BLOB NOT NULL UNIQUE,"
    "  asked_ms INTEGER NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX listings_by_age ON listings (asked_ms);"};

// The journal may hold a transaction, which one listing may fill: a quarter of all is for it.
constexpr std::uint64_t kJournalShare = 4;
constexpr std::uint64_t kBodyShare = 8;
constexpr std::uint64_t kTransactionBytes = 1 << 20;  // who recalls waits for no more
constexpr milliseconds kWriteAfter{1000};
constexpr milliseconds kAgeUnknown = std::chrono::hours{24};

std::uint64_t file_bytes_max(const ListingFileOptions& options) {
  return options.bytes_max - options.bytes_max / kJournalShare;
}

std::int64_t checksum_of(const std::string& prefix, std::string_view body) {
  const std::uint64_t seed = XXH3_64bits(prefix.data(), prefix.size());
  return std::bit_cast<std::int64_t>(XXH3_64bits_withSeed(body.data(), body.size(), seed));
}

// An earlier owner's listings go: true when there were some.
Result<bool> take_over(Sqlite& sqlite, const std::string& store_identity) {
  auto owner = sqlite.prepare("SELECT value FROM meta WHERE name = 'store'");
  if (!owner) return owner.error();
  std::optional<std::string> found;
  auto asked = owner->each({}, [&](const SqliteRow& row) {
    found = std::string(row.blob(0));
    return false;
  });
  if (!asked) return asked.error();
  if (found == store_identity) return false;
  if (auto done = sqlite.execute("DELETE FROM listings"); !done) return done.error();
  auto put = sqlite.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('store', ?)");
  if (!put) return put.error();
  if (auto done = put->run({std::string_view(store_identity)}); !done) return done.error();
  return found.has_value();
}

}  // namespace

std::unique_ptr<ListingFile> ListingFile::open(ListingFileOptions options) {
  options.bytes_max = std::max(options.bytes_max, kBytesMin);
  std::unique_ptr<ListingFile> out(new ListingFile(std::move(options)));
  auto database = open_database(out->options_);
  if (!database && database.error().code == ErrorCode::kCorrupt) {
    set_aside(out->options_.file, database.error().message);
    database = open_database(out->options_);
  }
  if (!database) {
    spdlog::warn("listings.unavailable message={:?}", database.error().message);
    return nullptr;
  }
  out->database_.lock()->emplace(std::move(*database));
  if (!out->options_.own_thread) return out;
  out->thread_ = std::jthread([file = out.get()](const std::stop_token& stop) { file->run(stop); });
  return out;
}

ListingFile::ListingFile(ListingFileOptions options)
    : options_(std::move(options)), disk_("listings", options_.now) {}

ListingFile::~ListingFile() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  flush();
}

void ListingFile::set_aside(const stdfs::path& file, const std::string& reason) {
  const stdfs::path aside = file.string() + ".aside";
  std::error_code error;
  stdfs::remove_all(aside, error);
  stdfs::rename(file, aside, error);
  if (error) stdfs::remove_all(file, error);
  stdfs::remove(file.string() + "-wal", error);
  spdlog::warn("listings.set_aside reason={:?} kept_as={:?}", reason, aside.string());
}

Result<ListingFile::Database> ListingFile::open_database(const ListingFileOptions& options) {
  auto sqlite = Sqlite::open(options.file);
  if (!sqlite) return sqlite.error();
  if (auto done = sqlite->migrate(kApplicationId, kMigrations); !done) {
    const Error& why = done.error();  // what a newer version keeps, this one cannot read either
    return why.code == ErrorCode::kInvalid ? Error{ErrorCode::kCorrupt, why.message} : why;
  }
  const auto foreign = take_over(*sqlite, options.store_identity);
  if (!foreign) return foreign.error();
  if (*foreign) spdlog::warn("listings.of_another_store");
  // SQLite never makes a file smaller, as one must become whose bound was set lower.
  const auto pages = sqlite->integer("PRAGMA page_count");
  if (!pages) return pages.error();
  const std::uint64_t pages_max = file_bytes_max(options) / Sqlite::kPageBytes;
  if (static_cast<std::uint64_t>(*pages) > pages_max) {
    if (auto done = sqlite->execute("DELETE FROM listings"); !done) return done.error();
    if (auto done = sqlite->execute("VACUUM"); !done) return done.error();
  }
  const std::string limit = "PRAGMA max_page_count=" + std::to_string(pages_max);
  if (auto done = sqlite->execute(limit.c_str()); !done) return done.error();
  return prepare(std::move(*sqlite));
}

Result<ListingFile::Database> ListingFile::prepare(Sqlite sqlite) {
  auto get = sqlite.prepare("SELECT asked_ms, checksum, body FROM listings WHERE prefix = ?");
  if (!get) return get.error();
  auto checksum = sqlite.prepare("SELECT checksum FROM listings WHERE prefix = ?");
  if (!checksum) return checksum.error();
  auto put = sqlite.prepare(
      "INSERT INTO listings (prefix, asked_ms, checksum, body) VALUES (?, ?, ?, ?)"
      " ON CONFLICT (prefix) DO UPDATE SET asked_ms = excluded.asked_ms,"
      " checksum = excluded.checksum, body = excluded.body");
  if (!put) return put.error();
  auto renew = sqlite.prepare("UPDATE listings SET asked_ms = ? WHERE prefix = ?");
  if (!renew) return renew.error();
  auto remove = sqlite.prepare("DELETE FROM listings WHERE prefix = ?");
  if (!remove) return remove.error();
  auto oldest =
      sqlite.prepare("SELECT prefix, length(body) FROM listings ORDER BY asked_ms LIMIT 256");
  if (!oldest) return oldest.error();
  return Database{std::move(sqlite), std::move(*get),    std::move(*checksum), std::move(*put),
                  std::move(*renew), std::move(*remove), std::move(*oldest)};
}

ListingFile::Page ListingFile::recall(const std::string& prefix) {
  if (!disk_.allows()) return nullptr;
  auto database = database_.lock();
  if (!*database) return nullptr;
  {
    auto state = state_.lock();
    const auto waiting = state->waiting.find(prefix);
    if (waiting != state->waiting.end()) return waiting->second;
  }
  auto page = std::make_shared<DirectoryPage>();
  bool found = false;
  std::int64_t asked_ms = 0;
  const auto done = (*database)->get.each({std::string_view(prefix)}, [&](const SqliteRow& row) {
    asked_ms = row.integer(0);
    const std::string_view body = row.blob(2);
    if (checksum_of(prefix, body) != row.integer(1)) return false;
    auto listing = decode_listing(prefix, body);
    found = listing.has_value();
    if (found) page->listing = std::move(*listing);
    return false;
  });
  if (!done) failed(*database, done.error());
  if (!done || !found) return nullptr;
  disk_.succeeded();
  const auto now = options_.now();
  const milliseconds age{wall_ms(now) - asked_ms};
  page->asked = now - (age.count() < 0 ? kAgeUnknown : age);
  page->complete = true;
  ++state_.lock()->stats.recalled;
  return page;
}

void ListingFile::add(const std::string& prefix, Page page) {
  auto state = state_.lock();
  if (state->waiting.size() >= kWaitingMax && page && !state->waiting.contains(prefix)) {
    ++state->stats.dropped;
    return;
  }
  state->waiting[prefix] = std::move(page);
  changed_.notify_all();
}

void ListingFile::keep(const std::string& prefix, Page page) { add(prefix, std::move(page)); }
void ListingFile::forget(const std::string& prefix) { add(prefix, nullptr); }

void ListingFile::flush() {
  while (write_some()) {
  }
}

void ListingFile::run(const std::stop_token& stop) {
  while (true) {
    {
      auto state = state_.lock();
      if (!changed_.wait(state.mutex(), stop, [&] { return !state->waiting.empty(); })) return;
      // More may come that is written in the same transaction.
      changed_.wait_for(state.mutex(), stop, kWriteAfter, [] { return false; });
      if (stop.stop_requested()) return;
    }
    flush();
  }
}

// A transaction; false when nothing is left. What cannot be written is dropped: it is a cache.
bool ListingFile::write_some() {
  const bool usable = disk_.allows();
  auto database = database_.lock();
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;
  bool more = true;
  const auto write = [&]() -> Result<void> {
    Result<void> done;
    while (done && bytes < kTransactionBytes) {
      std::pair<std::string, Page> next;
      {
        auto state = state_.lock();
        more = !state->waiting.empty();
        if (!more) return done;
        const auto node = state->waiting.extract(state->waiting.begin());
        next = {std::move(node.key()), std::move(node.mapped())};
      }
      ++lost;
      if (!usable || !*database) continue;
      if (next.second) {
        done = put(**database, next.first, *next.second, bytes);
      } else {
        done = (*database)->remove.run({std::string_view(next.first)});
      }
    }
    return done;
  };
  const auto done = *database ? (*database)->sqlite.transaction(write) : write();
  if (done && usable && *database) {
    disk_.succeeded();
    lost = 0;
  }
  if (!done) failed(*database, done.error());
  state_.lock()->stats.dropped += lost;
  return more;
}

Result<void> ListingFile::put(Database& database, const std::string& prefix,
                              const DirectoryPage& page, std::uint64_t& bytes) {
  const std::string body = encode_listing(prefix, page.listing);
  const std::int64_t checksum = checksum_of(prefix, body);
  const std::int64_t asked_ms = wall_ms(page.asked);
  if (body.size() > options_.bytes_max / kBodyShare) {
    ++state_.lock()->stats.dropped;
    return database.remove.run({std::string_view(prefix)});  // an older one would be believed
  }
  bool unchanged = false;
  auto looked = database.checksum.each({std::string_view(prefix)}, [&](const SqliteRow& row) {
    unchanged = row.integer(0) == checksum;
    return false;
  });
  if (!looked) return looked;
  constexpr std::uint64_t kRowBytes = 256;
  bytes += kRowBytes;
  if (unchanged) return database.renew.run({asked_ms, std::string_view(prefix)});
  if (auto done = make_room(database, body.size() + prefix.size()); !done) return done;
  bytes += body.size();
  return database.put.run({std::string_view(prefix), asked_ms, checksum, std::string_view(body)});
}

// What was asked for longest ago goes.
Result<void> ListingFile::make_room(Database& database, std::uint64_t bytes) const {
  constexpr std::uint64_t kFull = 9;  // tenths
  constexpr int kRoundsMax = 1024;
  for (int round = 0; round < kRoundsMax; ++round) {
    const auto pages = database.sqlite.integer("PRAGMA page_count");
    if (!pages) return pages.error();
    const auto free = database.sqlite.integer("PRAGMA freelist_count");
    if (!free) return free.error();
    const std::uint64_t used = static_cast<std::uint64_t>(*pages - *free) * Sqlite::kPageBytes;
    const std::uint64_t full = file_bytes_max(options_) / 10 * kFull;
    if (used + bytes <= full) return {};
    std::vector<std::string> victims;
    std::uint64_t freed = 0;
    auto done = database.oldest.each({}, [&](const SqliteRow& row) {
      victims.emplace_back(row.blob(0));
      freed += static_cast<std::uint64_t>(row.integer(1));
      return used + bytes > full + freed;
    });
    if (!done || victims.empty()) return done;
    for (const std::string& victim : victims) {
      if (done = database.remove.run({std::string_view(victim)}); !done) return done;
    }
  }
  return {};
}

// Under the lock of the database.
void ListingFile::failed(std::optional<Database>& database, const Error& error) {
  disk_.failed(error.message);
  if (error.code != ErrorCode::kCorrupt) return;
  database.reset();
  set_aside(options_.file, error.message);
  auto anew = open_database(options_);
  if (anew) database.emplace(std::move(*anew));
}

std::int64_t ListingFile::wall_ms(std::chrono::steady_clock::time_point asked) const {
  const auto wall = options_.wall_now() - (options_.now() - asked);
  return std::chrono::floor<milliseconds>(wall.time_since_epoch()).count();
}

}  // namespace augurfs
