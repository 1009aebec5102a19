#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "cache/chunk_fates.h"
#include "cache/chunk_reader.h"
#include "cache/chunk_store.h"
#include "cache/listing_file.h"
#include "cache/metadata_cache.h"
#include "cache/prefetch_budget.h"
#include "remote/object_store.h"

namespace augurfs {

struct CacheOptions {
  std::filesystem::path directory;
  std::uint64_t size_bytes_max = 0;  // what the directory may occupy on its disk, index included
  std::uint64_t free_space_bytes_min = 0;    // what must stay free on that disk
  std::uint32_t chunk_size_bytes = 1 << 20;  // for versions not cached yet; a power of two >= 4 KiB
  int transfers_max = 32;                    // flights at once
  int prefetch_transfers_max = 16;           // of which prefetch may hold so many
  PrefetchAmount prefetch_per_day;           // hard, see PrefetchBudget
  LandingsOptions landings;                  // what is told of prefetches that have come
  std::chrono::milliseconds read_patience{120'000};  // how long a read waits without a byte
  std::chrono::milliseconds metadata_ttl{60'000};
  std::uint64_t metadata_entries_max = 1'000'000;  // attributes + listing entries kept in memory
  bool list_subtrees = true;                       // ahead of who walks a tree
  std::uint64_t listings_bytes_max = 0;  // of listings.db, beside size_bytes_max; 0: there is none
  std::chrono::milliseconds stale_while_revalidate{0};  // see MetadataOptions
  std::chrono::milliseconds stale_if_error{0};
  // Where time comes from; tests pass a manual clock.
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  Disk* disk = nullptr;  // borrowed; null: the machine's own; tests pass one that fails
};

// What the cache did since it was opened, and what it holds. Measured; may only be late.
struct CacheStats {
  std::uint64_t bytes_used = 0;  // on disk, counted towards the quota
  std::uint64_t bytes_max = 0;
  std::uint64_t chunks = 0;
  // Demand reads of a chunk and their bytes, of three kinds; see ChunkReaderStats.
  std::uint64_t hits = 0;    // in the cache
  std::uint64_t ahead = 0;   // fetched ahead, and there in time
  std::uint64_t misses = 0;  // had to wait for the store
  std::uint64_t hit_bytes = 0;
  std::uint64_t ahead_bytes = 0;
  std::uint64_t miss_bytes = 0;
  std::uint64_t waiting = 0;              // reads that wait for the store right now
  std::uint64_t prefetched_bytes = 0;     // stored because of a prefetch
  std::uint64_t prefetch_used_bytes = 0;  // of those, in chunks a demand read has since touched
  std::uint64_t prefetch_dropped = 0;     // refused: slots and queue were full, or no budget left
  std::uint64_t evicted_bytes = 0;
  EvictionStats regrets;                   // of evicting
  std::uint64_t corrupt_chunks = 0;        // checksum or length did not match: treated as a miss
  std::uint64_t unstored_chunks = 0;       // served from the store but not kept (no room, bad disk)
  bool disk_healthy = true;                // false while the circuit breaker keeps the disk out
  std::uint64_t disk_free_bytes = 0;       // of the directory's disk, now; 0 when it does not say
  std::uint64_t free_space_bytes_min = 0;  // of those, what the cache leaves free
};

// The cache of one store in one directory: chunk files, their index, the reader and the metadata.
//
//   <directory>/LOCK  index.db  listings.db  prefetch_budget  objects/ab/<id>
//
// Opening takes the lock (kUnavailable naming the holder's process when another daemon has it),
// checks owner and mode, migrates or sets aside the index, and is quick whatever state the
// last daemon left: anything that takes time happens later on a thread of the cache's own.
// Thread rule: every method may be called from any thread. `store` is borrowed and outlives the
// cache. The destructor stops all flights, writes the index and releases the lock.
class Cache {
 public:
  static Result<std::unique_ptr<Cache>> open(const CacheOptions& options, ObjectStore& store);

  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  ChunkReader& reader() { return reader_; }
  MetadataCache& metadata() { return metadata_; }
  CacheStats stats() const;
  // What the cache may occupy as things are: its quota, or less when the disk has less to give.
  // Asks the disk.
  std::uint64_t room_bytes() const;
  // See ChunkStore::pin(). Must not outlive the cache.
  std::unique_ptr<PinnedFile> pin(const Version& version) { return chunks_->pin(version); }
  // What became of the chunks of a version, as far as it is remembered.
  VersionFate fate(const Version& version) const;
  std::vector<PrefetchTally> prefetch_tallies() const { return chunks_->prefetch_tallies(); }

  // Null when prefetching is unlimited.
  PrefetchBudget* prefetch_budget() const { return budget_.get(); }

  // Writes everything that waits to be written to the index and to the listings. For tests and
  // orderly ends.
  Result<void> flush();

 private:
  Disk& disk() const;
  Cache(const CacheOptions& options, ObjectStore& store, std::unique_ptr<ChunkStore> chunks);

  const CacheOptions options_;
  const std::unique_ptr<ChunkStore> chunks_;
  const std::unique_ptr<PrefetchBudget> budget_;  // may be null
  const std::unique_ptr<ListingFile> listings_;   // may be null
  ChunkReader reader_;                            // ends before the chunks it writes to
  MetadataCache metadata_;
};

}  // namespace augurfs
