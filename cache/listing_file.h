#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>

#include "cache/circuit_breaker.h"
#include "cache/metadata_table.h"
#include "cache/sqlite.h"
#include "remote/guarded.h"

namespace augurfs {

inline constexpr const char* kListingsFile = "listings.db";  // in the cache directory

struct ListingFileOptions {
  std::filesystem::path file;
  std::string store_identity;   // whose listings; those of another store are thrown away
  std::uint64_t bytes_max = 0;  // on disk, journal included; at least kBytesMin
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  std::function<std::chrono::system_clock::time_point()> wall_now = std::chrono::system_clock::now;
  bool own_thread = true;  // false: nothing is written but by flush()
};

struct ListingFileStats {
  std::uint64_t recalled = 0;  // listings found on disk
  std::uint64_t dropped = 0;   // not kept: too many at once, too long, or the disk errs
};

// listings.db: whole listings of directories and when they were asked for, so that a mount knows
// what the one before it knew. A listing that was asked for longest ago goes first.
//
// Never an error: a file that is damaged, of a newer schema or not ours is set aside as
// listings.db.aside and a new one begins; a listing whose checksum is wrong is not there; a disk
// that errs is left alone for a while. Between two mounts the age of a listing is that of the
// machine's clock; what was asked for at a time still to come is taken to be a day old.
//
// Thread rule: any thread. keep() and forget() never wait for the disk: a thread writes behind, a
// second after the first and in small transactions. recall() waits for the one that is being
// written. The destructor writes what waits.
class ListingFile {
 public:
  static constexpr std::uint64_t kBytesMin = 4 << 20;
  static constexpr std::size_t kWaitingMax = 8192;  // listings not written yet

  using Page = std::shared_ptr<const DirectoryPage>;

  // Null when the disk does not let us.
  static std::unique_ptr<ListingFile> open(ListingFileOptions options);
  ListingFile(const ListingFile&) = delete;
  ListingFile& operator=(const ListingFile&) = delete;
  ~ListingFile();

  Page recall(const std::string& prefix);
  void keep(const std::string& prefix, Page page);  // one that is complete
  void forget(const std::string& prefix);
  // Writes what waits.
  void flush();
  ListingFileStats stats() const { return state_.lock()->stats; }

 private:
  struct Database {
    Sqlite sqlite;
    SqliteStatement get, checksum, put, renew, remove, oldest;  // go before it
  };
  struct State {
    std::unordered_map<std::string, Page> waiting;  // null: to be forgotten
    ListingFileStats stats;
  };

  explicit ListingFile(ListingFileOptions options);
  static Result<Database> open_database(const ListingFileOptions& options);
  static Result<Database> prepare(Sqlite sqlite);
  static void set_aside(const std::filesystem::path& file, const std::string& reason);
  void add(const std::string& prefix, Page page);
  void run(const std::stop_token& stop);
  bool write_some();
  Result<void> put(Database& database, const std::string& prefix, const DirectoryPage& page,
                   std::uint64_t& bytes);
  Result<void> make_room(Database& database, std::uint64_t bytes) const;
  void failed(std::optional<Database>& database, const Error& error);
  std::int64_t wall_ms(std::chrono::steady_clock::time_point asked) const;

  const ListingFileOptions options_;
  CircuitBreaker disk_;
  Guarded<std::optional<Database>> database_;  // none: it would not open, or proved damaged
  Guarded<State> state_;
  std::condition_variable_any changed_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace augurfs
