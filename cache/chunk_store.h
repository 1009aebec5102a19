#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cache/pinned_file.h"
#include "cache/prefetch_tally.h"
#include "remote/object_store.h"

namespace augurfs {

class Disk;
struct VersionFate;

// Why a chunk was fetched.
enum class Origin : std::uint8_t { kDemand, kPrefetch };

// The same, and for a prefetch what its account is to know.
struct ChunkCause {
  ChunkCause(Origin why) : origin(why) {}  // often that is all

  // For whom others are evicted, and whose it is in the order of eviction.
  Origin beneficiary() const { return demanded ? Origin::kDemand : origin; }

  Origin origin;
  bool demanded = false;                  // somebody asked for it before it was complete
  std::uint32_t account = 0;              // see PrefetchTally
  float probability = 1;                  // that it is read, as was thought
  std::chrono::milliseconds due_in{};     // from now on, until it is expected to be read
  std::chrono::nanoseconds fetch_time{};  // what a reader of this chunk would have waited
  std::chrono::nanoseconds head_start{};  // and how much of it had passed when one came
};

// What was evicted and asked for again before it was forgotten, in bytes.
struct EvictionStats {
  std::uint64_t regretted_bytes = 0;  // for whatever reason it was evicted
  // Of those: evicted for the sake of a prefetch, having been asked for before: pollution.
  std::uint64_t polluted_bytes = 0;
  std::uint64_t too_early_bytes = 0;  // of those: prefetched, and evicted unused
};

struct ChunkStoreOptions {
  std::filesystem::path directory;
  std::string store_identity;  // whose objects these are; another store's directory is refused
  std::uint64_t size_bytes_max = 0;
  std::uint64_t free_space_bytes_min = 0;
  std::uint32_t chunk_size_bytes = 1 << 20;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
  Disk* disk = nullptr;    // borrowed; nullptr: the machine's own
  bool background = true;  // false for tests: what the store's thread does happens in open, flush
};

struct ChunkStoreStats {
  std::uint64_t bytes_used = 0;
  std::uint64_t chunks = 0;
  std::uint64_t prefetched_bytes = 0;
  std::uint64_t prefetch_used_bytes = 0;
  std::uint64_t evicted_bytes = 0;
  EvictionStats regrets;  // of evicting
  std::uint64_t corrupt_chunks = 0;
  std::uint64_t unstored_chunks = 0;
  bool disk_healthy = true;
};

// The chunks on disk and their index: one sparse file per version, chunks as slices, SQLite
// behind an in-memory mirror, space reserved before bytes are written, eviction, checksums.
//
// A chunk is either wholly there and right, or absent: every doubt (checksum, short file, missing
// file, disk error) makes it absent, with a log line and a counter. A chunk of an earlier run is
// verified against its checksum before its first byte is returned. One that was written or
// verified in this run is not verified again while the kernel has lost nothing of its file; when
// it has, the file goes with all its chunks.
// open() is quick whatever the last run left. The first calls wait for the index to be loaded
// (a second per million chunks or less); after a crash nothing is kept until what the crash left
// behind has been found and freed, in the background, so that the quota holds throughout.
// Thread rule: any thread. Nothing here waits for SQLite: changes are written behind by a thread
// of the store's own.
class ChunkStore {
 public:
  // Takes the lock. Errors say what is wrong with the directory and what to do.
  static Result<std::unique_ptr<ChunkStore>> open(const ChunkStoreOptions& options);

  ChunkStore(const ChunkStore&) = delete;
  ChunkStore& operator=(const ChunkStore&) = delete;
  ~ChunkStore();

  // The chunk size of this version: what it was first cached with, else the option's.
  std::uint32_t chunk_size(const Version& version) const;

  bool contains(const Version& version, std::uint32_t chunk) const;

  // Copies bytes of a chunk, from `offset` within it on, into `out`, which lies inside the chunk;
  // counts as a use of the chunk. False when the chunk is absent, also if it vanished or proved
  // damaged on the way; `out` then holds nothing of use.
  bool read(const Version& version, std::uint32_t chunk, std::uint32_t offset,
            std::span<std::byte> out);
  // The two halves of it: the bytes, which counts as no use; and the use of a chunk whose bytes
  // were had in another way, which is none when it is absent.
  bool peek(const Version& version, std::uint32_t chunk, std::uint32_t offset,
            std::span<std::byte> out);
  void use(const Version& version, std::uint32_t chunk);

  // Keeps a whole chunk. False when it was not kept: no room even after eviction, or a disk that
  // errs. Keeping a chunk that is already there is true and changes nothing.
  bool write(const Version& version, std::uint32_t chunk, std::span<const std::byte> bytes,
             const ChunkCause& cause);

  // The version's file, when all of it is cached and right. What was not checked since the start is
  // checked now, if it is little; what has not reached the disk yet is brought there in the
  // background, and until then there is none. Nor is there when too much of the cache is pinned.
  std::unique_ptr<PinnedFile> pin(const Version& version);

  ChunkStoreStats stats() const;
  VersionFate fate(const Version& version) const;
  // By account, as many as have been used.
  std::vector<PrefetchTally> prefetch_tallies() const;

  // Writes what waits to be written to the index.
  Result<void> flush();

 private:
  struct Parts;
  explicit ChunkStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
