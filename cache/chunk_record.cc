#include "cache/chunk_record.h"

#include <xxhash.h>

namespace augurfs {

std::uint64_t version_hash(const Version& version) {
  const std::uint64_t etag =
      XXH3_64bits_withSeed(version.etag.data(), version.etag.size(), version.size);
  return XXH3_64bits_withSeed(version.key.data(), version.key.size(), etag);
}

std::uint64_t chunk_checksum(const Version& version, std::uint32_t chunk,
                             std::span<const std::byte> bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), version_hash(version) + chunk);
}

}  // namespace augurfs
