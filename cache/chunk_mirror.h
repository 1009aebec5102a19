#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cache/chunk_fates.h"
#include "cache/chunk_index.h"
#include "cache/chunk_record.h"
#include "cache/chunk_table.h"
#include "cache/eviction.h"
#include "cache/space.h"

namespace augurfs {

// Space on its way back to the disk: a range to punch, or a whole file to remove. Its charge is
// held, and its chunk not written again, until ChunkMirror::returned() hears that it is done.
struct Hole {
  ChunkId id;
  ByteRange range;
  std::uint64_t charge = 0;
  bool whole_file = false;
  bool waits = false;  // until those who have the file open are done with it
};

// What is cached, in memory: versions, chunks, the order of eviction, the account of space and
// what the index has yet to learn. Does no I/O; ChunkStore does what this decides.
//
// The life of a chunk: admit() -> its bytes are written -> finish() -> find()/use() ... -> drop()
// or eviction -> its hole is punched -> returned(). A chunk leaves the mirror before its bytes
// leave the disk; a reader that finds it still there after reading has read the right bytes.
// Thread rule: one thread at a time.
class ChunkMirror {
 public:
  // Evicted under one hold of the lock; bounds how long others wait.
  static constexpr std::size_t kHolesMax = 64;
  // Changes that may wait for the index; beyond it nothing new is admitted.
  static constexpr std::size_t kDirtyMax = 1 << 16;
  // A later use within this time is not worth a write to the index.
  static constexpr std::int64_t kLastUseResolutionS = 60;

  struct Found {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    ChunkId id;
    ByteRange range;
    std::uint64_t checksum = 0;
    bool verified = false;  // see ChunkTable::Slot
  };
  enum class Admission {
    kGranted,
    kPresent,   // is there already
    kMakeRoom,  // dig the holes handed out, then ask again
    kRefused,   // no room, on its way in or out, no such chunk, or the index is far behind
  };
  struct Ticket {
    ChunkId id;
    ByteRange range;
    std::uint64_t charge = 0;
    bool create = false;  // the file may not be there yet
  };
  struct Counters {
    std::uint64_t prefetched_bytes = 0;
    std::uint64_t prefetch_used_bytes = 0;
    std::uint64_t evicted_bytes = 0;
  };

  ChunkMirror(std::uint32_t chunk_size_bytes, Space space);

  // Stays what it was for as long as this lives, also when the version leaves the cache.
  std::uint32_t chunk_size(const Version& version) const;
  std::optional<Found> find(const Version& version, std::uint32_t chunk) const;
  bool present(ChunkId id) const { return chunks_.find(id) != ChunkTable::kNone; }
  // The chunk size of a file's version; nullopt when no such file is known.
  std::optional<std::uint32_t> file_chunk_size(std::uint64_t object) const;

  // After its bytes were read. False when it went in the meantime: they may be wrong.
  bool confirm(const Found& found, bool verified);
  // The same, and it counts as a use.
  bool use(const Found& found, bool verified, std::uint32_t now_s);
  // A chunk that proved damaged; nullopt when it is gone already.
  std::optional<Hole> drop(const Found& found);
  // All chunks of a file that is missing or whose bytes are not to be relied on: absent from here
  // on. Their number, and the file as a hole; nullopt when it is gone already.
  struct Lost {
    std::uint64_t chunks = 0;
    Hole hole;
  };
  std::optional<Lost> lose(std::uint64_t object);

  // A version of which every chunk is here.
  struct Whole {
    std::uint64_t object = 0;
    std::uint64_t bytes = 0;
    std::uint32_t chunks = 0;
    bool verified = false;  // each of them, see ChunkTable::Slot
  };
  std::optional<Whole> whole(const Version& version) const;
  // None of its chunks is evicted until unpin() was called as often. False, and nothing happens,
  // when it is not whole and verified any more, or so much is pinned that the rest of the cache
  // would be small: half of it.
  bool pin(std::uint64_t object);
  void unpin(std::uint64_t object);
  // The same without a condition, for a file of which a hole waits.
  void spare(std::uint64_t object);

  Admission admit(const Version& version, std::uint32_t chunk, std::uint64_t length, Origin origin,
                  Space::DiskFree disk, Ticket& ticket, std::vector<Hole>& holes);
  // The chunk is written. False, and no chunk, when its file was lost in the meantime.
  bool finish(const Ticket& ticket, std::uint64_t checksum, bool verified, const ChunkCause& cause,
              std::uint64_t now_ms, std::vector<Hole>& holes);
  // A whole chunk came and was not kept.
  void unkept(const Version& version, std::uint32_t chunk, const ChunkCause& cause,
              std::uint64_t bytes);
  // What the index does not know and cannot be punched yet: it is charged, as a hole that waits.
  // nullopt when it is already.
  std::optional<Hole> adopt_hole(ChunkId id);
  // It could not be written.
  void abandon(const Ticket& ticket, std::vector<Hole>& holes);
  // A hole is dug; what this makes removable is added to `holes`.
  void returned(const Hole& hole, std::vector<Hole>& holes);
  // Evicts until quota and floor are kept again.
  void make_room(Space::DiskFree disk, std::vector<Hole>& holes);

  // From the index, objects first. What contradicts itself is left out and removed there.
  void load(ObjectRecord object);
  void load(const ChunkRecord& chunk);
  void finish_loading();

  // The next changes for the index; put_back() when they could not be written.
  IndexBatch take_dirty(std::size_t changes_max);
  void put_back(const IndexBatch& batch);
  void mark_all_dirty();
  std::size_t dirty() const { return dirty_objects_.size() + dirty_chunks_.size(); }

  Space& space() { return space_; }
  const Space& space() const { return space_; }
  std::size_t size() const { return chunks_.size(); }
  const Counters& counters() const { return counters_; }
  const EvictionStats& eviction_stats() const { return eviction_.stats(); }
  const std::vector<PrefetchTally>& prefetch_tallies() const { return tallies_; }
  VersionFate fate(const Version& version) const;

 private:
  struct Object {
    std::uint64_t id = 0;
    std::uint32_t chunk_size_bytes = 0;
    std::uint32_t chunks = 0;    // present
    std::uint32_t busy = 0;      // being written or punched
    std::uint32_t verified = 0;  // of those present
    std::uint32_t pins = 0;
  };
  struct VersionHash {
    std::size_t operator()(const Version& version) const { return version_hash(version); }
  };
  using Objects = std::unordered_map<Version, Object, VersionHash>;
  using Entry = Objects::value_type;

  Entry* object(std::uint64_t id) const;
  Entry& object_for(const Version& version);
  void forget(Entry& entry);
  ByteRange range(const Entry& entry, std::uint32_t chunk) const;
  Hole remove(std::uint32_t slot, ChunkFate::End end);
  void take_out(std::uint32_t slot, ChunkFate::End end);
  ChunkId fate_id(ChunkId id) const;
  void remove_if_unused(Entry& entry, std::vector<Hole>& holes);
  std::uint64_t evict(std::uint64_t shortage, Origin cause, std::vector<Hole>& holes);
  void mark_dirty(std::uint32_t slot);
  void mark_verified(std::uint32_t slot);
  PrefetchTally& tally(std::uint32_t account);
  void book(const ChunkCause& cause, std::uint64_t bytes, bool kept);

  std::uint32_t chunk_size_bytes_;
  Space space_;
  Objects objects_;
  std::unordered_map<std::uint64_t, Entry*> by_id_;
  // Versions that left the cache and had another chunk size than is usual now.
  std::unordered_map<Version, std::uint32_t, VersionHash> former_chunk_sizes_;
  std::uint64_t next_id_ = 1;
  ChunkTable chunks_;
  Eviction eviction_;
  std::unordered_set<ChunkId, ChunkIdHash> busy_;
  std::deque<std::uint64_t> dirty_objects_;
  std::deque<ChunkId> dirty_chunks_;
  Counters counters_;
  std::vector<PrefetchTally> tallies_;  // by account
  ChunkFates fates_;
  std::uint64_t pinned_bytes_ = 0;
};

}  // namespace augurfs
