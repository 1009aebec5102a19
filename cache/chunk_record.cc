#include "cache/chunk_record.h"

#include <xxhash.h>

#include <new>

namespace augurfs {

std::uint64_t version_hash(const Version& version) {
  const std::uint64_t etag =
      XXH3_64bits_withSeed(version.etag.data(), version.etag.size(), version.size);
  return XXH3_64bits_withSeed(version.key.data(), version.key.size(), etag);
}

namespace {

std::uint64_t seed(const Version& version, std::uint32_t chunk) {
  return version_hash(version) + chunk;
}

}  // namespace

ChunkChecksum::ChunkChecksum(const Version& version, std::uint32_t chunk)
    : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset_withSeed(state_.get(), seed(version, chunk));
}

void ChunkChecksum::Free::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }

void ChunkChecksum::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
}

std::uint64_t ChunkChecksum::value() const { return XXH3_64bits_digest(state_.get()); }

std::uint64_t chunk_checksum(const Version& version, std::uint32_t chunk,
                             std::span<const std::byte> bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed(version, chunk));
}

}  // namespace augurfs
