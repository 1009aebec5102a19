#include "cache/cache.h"

#include <algorithm>
#include <utility>

#include "cache/disk.h"

namespace augurfs {
namespace {

constexpr const char* kBudgetFile = "prefetch_budget";

std::unique_ptr<PrefetchBudget> open_budget(const CacheOptions& options) {
  if (options.prefetch_per_day == PrefetchAmount{}) return nullptr;
  PrefetchBudgetOptions limits;
  limits.file = options.directory / kBudgetFile;
  limits.per_day = options.prefetch_per_day;
  limits.now = options.now;
  return std::make_unique<PrefetchBudget>(std::move(limits));
}

std::unique_ptr<ListingFile> open_listings(const CacheOptions& options,
                                           const std::string& store_identity) {
  if (options.listings_bytes_max < ListingFile::kBytesMin) return nullptr;
  ListingFileOptions listings;
  listings.file = options.directory / kListingsFile;
  listings.store_identity = store_identity;
  listings.bytes_max = options.listings_bytes_max;
  listings.now = options.now;
  return ListingFile::open(std::move(listings));
}

}  // namespace

Result<std::unique_ptr<Cache>> Cache::open(const CacheOptions& options, ObjectStore& store) {
  if (options.transfers_max < 1 || options.prefetch_transfers_max < 0) {
    return Error{ErrorCode::kInvalid, "a cache needs at least one transfer at a time"};
  }
  ChunkStoreOptions chunk_options;
  chunk_options.directory = options.directory;
  chunk_options.store_identity = store.identity();
  chunk_options.size_bytes_max = options.size_bytes_max;
  chunk_options.free_space_bytes_min = options.free_space_bytes_min;
  chunk_options.chunk_size_bytes = options.chunk_size_bytes;
  chunk_options.disk = options.disk;
  auto chunks = ChunkStore::open(chunk_options);
  if (!chunks) return chunks.error();
  return std::unique_ptr<Cache>(new Cache(options, store, std::move(*chunks)));
}

Cache::Cache(const CacheOptions& options, ObjectStore& store, std::unique_ptr<ChunkStore> chunks)
    : options_(options),
      chunks_(std::move(chunks)),
      budget_(open_budget(options)),
      listings_(open_listings(options, store.identity())),
      reader_({.transfers_max = options.transfers_max,
               .prefetch_transfers_max = options.prefetch_transfers_max,
               .budget = budget_.get(),
               .landings = options.landings,
               .patience = options.read_patience,
               .now = options.now},
              store, *chunks_),
      metadata_({.ttl = options.metadata_ttl,
                 .entries_max = options.metadata_entries_max,
                 .list_subtrees = options.list_subtrees,
                 .budget = budget_.get(),
                 .file = listings_.get(),
                 .stale_while_revalidate = options.stale_while_revalidate,
                 .stale_if_error = options.stale_if_error,
                 .now = options.now},
                store) {}

Disk& Cache::disk() const { return options_.disk != nullptr ? *options_.disk : real_disk(); }

CacheStats Cache::stats() const {
  const ChunkStoreStats chunks = chunks_->stats();
  const ChunkReaderStats reads = reader_.stats();
  CacheStats stats;
  stats.bytes_used = chunks.bytes_used;
  stats.bytes_max = options_.size_bytes_max;
  stats.chunks = chunks.chunks;
  stats.hits = reads.hits;
  stats.ahead = reads.ahead;
  stats.misses = reads.misses;
  stats.hit_bytes = reads.hit_bytes;
  stats.ahead_bytes = reads.ahead_bytes;
  stats.miss_bytes = reads.miss_bytes;
  stats.waiting = reads.waiting;
  stats.prefetched_bytes = chunks.prefetched_bytes;
  stats.prefetch_used_bytes = chunks.prefetch_used_bytes;
  stats.prefetch_dropped = reads.prefetch_dropped;
  stats.evicted_bytes = chunks.evicted_bytes;
  stats.regrets = chunks.regrets;
  stats.corrupt_chunks = chunks.corrupt_chunks;
  stats.unstored_chunks = chunks.unstored_chunks;
  stats.disk_healthy = chunks.disk_healthy;
  stats.disk_free_bytes = disk().free_bytes(options_.directory).value_or(0);
  stats.free_space_bytes_min = options_.free_space_bytes_min;
  return stats;
}

VersionFate Cache::fate(const Version& version) const {
  VersionFate fate = chunks_->fate(version);
  fate.under_way_chunks = reader_.under_way(version);
  return fate;
}

std::uint64_t Cache::room_bytes() const {
  const auto free = disk().free_bytes(options_.directory);
  if (!free) return 0;  // a disk that does not say is not filled ahead of need
  const std::uint64_t reachable = chunks_->stats().bytes_used + *free;
  const std::uint64_t floor = std::min(reachable, options_.free_space_bytes_min);
  return std::min(options_.size_bytes_max, reachable - floor);
}

Result<void> Cache::flush() {
  if (listings_ != nullptr) listings_->flush();
  return chunks_->flush();
}

}  // namespace augurfs
