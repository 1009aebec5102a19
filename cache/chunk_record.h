#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "cache/chunk_store.h"
#include "remote/object_store.h"

struct XXH3_state_s;

namespace augurfs {

// A chunk on disk: the number of its file and which slice of it. Numbers are not used twice for
// different versions while a file of that number exists.
struct ChunkId {
  std::uint64_t object = 0;
  std::uint32_t chunk = 0;

  bool operator==(const ChunkId&) const = default;
};

struct ChunkIdHash {
  std::size_t operator()(const ChunkId& id) const {
    // Two odd constants spread neighbours over the upper bits, which the shift brings down.
    const std::uint64_t mixed =
        (id.object * 0x9e3779b97f4a7c15U) ^ ((id.chunk + 1U) * 0xd1342543de82ef95U);
    return static_cast<std::size_t>(mixed ^ (mixed >> 32U));
  }
};

// What the index keeps of a cached version.
struct ObjectRecord {
  std::uint64_t id = 0;
  Version version;
  std::uint32_t chunk_size_bytes = 0;
};

// What the index keeps of a chunk.
struct ChunkRecord {
  ChunkId id;
  std::uint64_t checksum = 0;    // see chunk_checksum()
  std::uint32_t last_use_s = 0;  // wall clock, to the minute
  Origin origin = Origin::kDemand;
  std::uint8_t frequency = 0;  // reads so far, saturating
};

inline constexpr std::uint32_t kChunkSizeBytesMin = 4096;  // a block of nearly every file system
inline constexpr std::uint32_t kChunkSizeBytesMax = 1U << 30U;

std::uint64_t version_hash(const Version& version);

// xxh3 of a chunk's bytes, given piece by piece, seeded with whose they are: an index that has
// mixed up its files or rows does not match either.
class ChunkChecksum {
 public:
  ChunkChecksum(const Version& version, std::uint32_t chunk);
  void add(std::span<const std::byte> bytes);
  std::uint64_t value() const;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

// The same of a whole chunk at once.
std::uint64_t chunk_checksum(const Version& version, std::uint32_t chunk,
                             std::span<const std::byte> bytes);

// How many chunks a version has, and where one lies in it. A size comes from a server and a chunk
// size from a file, so nothing is assumed of them but that the chunk size is not 0.
inline std::uint64_t chunk_count(std::uint64_t size_bytes, std::uint32_t chunk_size_bytes) {
  return size_bytes / chunk_size_bytes + (size_bytes % chunk_size_bytes != 0 ? 1 : 0);
}

// `chunk` < chunk_count().
inline ByteRange chunk_range(std::uint64_t size_bytes, std::uint32_t chunk_size_bytes,
                             std::uint32_t chunk) {
  const std::uint64_t offset = std::uint64_t{chunk} * chunk_size_bytes;
  const std::uint64_t rest = size_bytes - offset;
  return {offset, rest < chunk_size_bytes ? rest : chunk_size_bytes};
}

}  // namespace augurfs
