#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/chunk_record.h"
#include "cache/sqlite.h"
#include "remote/result.h"

namespace augurfs {

// Changes that become durable together. Idempotent: each entry says what is, not what happened.
struct IndexBatch {
  std::vector<ObjectRecord> objects;
  std::vector<ChunkRecord> chunks;
  std::vector<std::uint64_t> removed_objects;
  std::vector<ChunkId> removed_chunks;

  bool empty() const {
    return objects.empty() && chunks.empty() && removed_objects.empty() && removed_chunks.empty();
  }
};

// The durable index: which versions and chunks the directory holds, in index.db.
//
// Opening migrates an older schema. A database that is damaged or not ours is set aside as
// index.db.damaged-<time> (the newest one is kept) and an empty one takes its place; one made by a
// newer program (kInvalid) or for another store (kInvalid) is refused and left as it is.
// Thread rule: one thread at a time.
class ChunkIndex {
 public:
  // What one batch may change; bounds what a transaction adds to the database and its journal.
  static constexpr std::size_t kBatchChanges = 128;
  // What index.db and its journal may grow by between two measurements of their size: at most
  // three pages (a leaf, its split, their parent) a change, once in the journal and once in the
  // database, beside the journal that waits to be folded back.
  static constexpr std::uint64_t kGrowthBytesMax =
      std::uint64_t{Sqlite::kPageBytes} * (6 * kBatchChanges + Sqlite::kWalPages + 64);

  static Result<ChunkIndex> open(const std::filesystem::path& path,
                                 const std::string& store_identity);

  // How many chunks there were when the last user of this index ended in order: while it holds as
  // many it tells all there is on disk. nullopt when it did not end so.
  std::optional<std::uint64_t> clean_chunks() const { return clean_chunks_; }

  // Objects first, then chunks, in any order. kCorrupt when the database proves damaged on the
  // way. Ends early when a callback returns false.
  Result<void> load(const std::function<bool(ObjectRecord)>& object,
                    const std::function<bool(const ChunkRecord&)>& chunk);

  Result<void> write(const IndexBatch& batch);

  // Durable when they return. The end in order, with so many chunks.
  Result<void> mark_clean(std::uint64_t chunks);
  // From here on a crash may leave chunks unindexed.
  Result<void> mark_in_use();

  // Sets this index aside, whatever is wrong with it, and starts an empty one.
  static Result<ChunkIndex> start_over(std::unique_ptr<ChunkIndex> damaged,
                                       const std::filesystem::path& path,
                                       const std::string& store_identity,
                                       const std::string& reason);

 private:
  struct Statements {
    SqliteStatement put_object, put_chunk, remove_object, remove_chunk, put_clean;
  };

  ChunkIndex(Sqlite database, Statements statements, std::optional<std::uint64_t> clean_chunks);
  static Result<ChunkIndex> try_open(const std::filesystem::path& path,
                                     const std::string& store_identity);
  static Result<Statements> prepare(Sqlite& database);
  Result<void> mark(std::string_view clean);

  Sqlite database_;  // before the statements, which must go first
  Statements statements_;
  std::optional<std::uint64_t> clean_chunks_;
};

}  // namespace augurfs
