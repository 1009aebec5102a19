#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "remote/object_store.h"

namespace augurfs {

// How a version is cut into chunks: all of `chunk_size_bytes`, but for a shorter last one.
struct ChunkLayout {
  std::uint64_t size_bytes = 0;  // of the version
  std::uint32_t chunk_size_bytes = 1;

  // Chunks are numbered in 32 bits. At 1 MiB per chunk that is 4 PiB; a store that claims more of
  // an object is not believed.
  bool numbered() const {
    return size_bytes / chunk_size_bytes < std::numeric_limits<std::uint32_t>::max();
  }
  std::uint32_t chunk_at(std::uint64_t offset) const {
    return static_cast<std::uint32_t>(offset / chunk_size_bytes);
  }
  std::uint64_t offset_of(std::uint32_t chunk) const {
    return std::uint64_t{chunk} * chunk_size_bytes;
  }
  std::uint32_t bytes_of(std::uint32_t chunk) const {
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(chunk_size_bytes, size_bytes - offset_of(chunk)));
  }
  std::uint32_t count() const {
    return static_cast<std::uint32_t>((size_bytes + chunk_size_bytes - 1) / chunk_size_bytes);
  }
  // The end of what `bytes` from the beginning of a chunk on wholly hold, but at least that chunk.
  std::uint32_t reach_of(std::uint32_t chunk, std::uint64_t bytes) const {
    const std::uint64_t chunks = std::max<std::uint64_t>(bytes / chunk_size_bytes, 1);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(chunk + chunks, count()));
  }
  // The chunks first..last as bytes of the version.
  ByteRange range_of(std::uint32_t first, std::uint32_t last) const {
    return {offset_of(first), offset_of(last) + bytes_of(last) - offset_of(first)};
  }
};

// The part of `range` that lies inside a version of `size_bytes`; any range is welcome.
inline ByteRange clamp(ByteRange range, std::uint64_t size_bytes) {
  if (range.offset >= size_bytes) return {size_bytes, 0};
  return {range.offset, std::min(range.length, size_bytes - range.offset)};
}

}  // namespace augurfs
