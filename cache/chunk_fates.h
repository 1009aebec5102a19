#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "cache/chunk_record.h"

namespace augurfs {

// How a chunk came, whether it was of use, and how it ended.
struct ChunkFate {
  enum class Use : std::uint8_t {
    kNone,
    kInTime,  // there before it was asked for
    kLate,    // asked for while it was on its way
  };
  enum class End : std::uint8_t {
    kNone,  // it is cached
    kForDemand,
    kForPrefetch,  // evicted, and for the sake of what
    kDamaged,
    kUnkept,  // no room, or a disk that errs
  };

  Origin origin = Origin::kDemand;
  Use use = Use::kNone;  // of what was prefetched
  End end = End::kNone;
  std::uint32_t account = 0;  // of what was prefetched, see PrefetchTally
  float probability = 1;      // of what was prefetched, see Foreseen

  bool operator==(const ChunkFate&) const = default;
};

// Adjacent chunks of one fate.
struct FateRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  ChunkFate fate;
};

// What is known of the chunks of a version.
struct VersionFate {
  std::uint32_t chunk_size_bytes = 0;
  std::uint64_t chunks = 0;  // it has so many
  std::uint64_t cached_chunks = 0;
  std::uint64_t cached_bytes = 0;
  std::uint64_t under_way_chunks = 0;
  std::vector<FateRange> remembered;  // in order
};

// The fates of the chunks that came last; those that came first are forgotten when there are more
// than kFatesMax. A chunk is known by the hash of its version, in the place of a file's number,
// and has one fate, the latest. Some 1.5 MB when full.
// Thread rule: one thread at a time.
class ChunkFates {
 public:
  static constexpr std::size_t kFatesMax = 1 << 14;

  void came(ChunkId id, const ChunkFate& fate);
  // Nothing happens to one that is forgotten.
  void used(ChunkId id);
  void ended(ChunkId id, ChunkFate::End end);
  // Of all chunks of a version.
  std::vector<FateRange> of(std::uint64_t version) const;

 private:
  struct Entry {
    ChunkId id;
    ChunkFate fate;
  };

  ChunkFate* find(ChunkId id);

  std::vector<Entry> entries_;  // a ring; some may have been outlived by a later fate of theirs
  std::size_t oldest_ = 0;      // when it is full
  std::unordered_map<ChunkId, std::size_t, ChunkIdHash> places_;
};

}  // namespace augurfs
