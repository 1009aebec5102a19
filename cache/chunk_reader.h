#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>

#include "remote/object_store.h"

namespace augurfs {

// What a read returned and where it came from.
struct ReadOutcome {
  std::size_t bytes = 0;  // fewer than asked only at the end of the version
  bool hit = true;        // false when any byte had to wait for the store
};

// The read path: bytes of a version, from the disk when they are there, else from a flight.
//
// A flight is one ranged GET of adjacent missing chunks; each chunk is fetched by at most one
// flight, and readers of the same chunk share it. A reader gets its bytes as soon as they have
// arrived, not when the chunk is complete. When a flight fails or is cancelled its waiters look
// again: the next becomes the loader, unless the store itself said no.
//
// Thread rule: any thread. Reads block; a prefetch never does. A reader whose stop token fires
// returns kCancelled at once; a demand flight nobody waits for any more is cancelled.
// Errors: the store's (kStale when the object has been replaced and the bytes asked for are not
// cached). Trouble with the cache disk is never an error: the bytes then come from the store.
class ChunkReader {
 public:
  struct Parts;
  explicit ChunkReader(std::unique_ptr<Parts> parts);
  ChunkReader(const ChunkReader&) = delete;
  ChunkReader& operator=(const ChunkReader&) = delete;
  ~ChunkReader();

  // Fills `out` from `offset` on. Reading at or beyond the end yields 0 bytes.
  Result<ReadOutcome> read(const Version& version, std::uint64_t offset, std::span<std::byte> out,
                           std::stop_token stop);

  // A read nobody waits for: the missing chunks that overlap the range are fetched behind all
  // demand. Chunks cached or in flight are left out. False when there was no room for it: then
  // nothing was queued. A failed prefetch is forgotten; the demand read finds out for itself.
  bool prefetch(const Version& version, ByteRange range);

  // Whether every chunk that overlaps the range is in the cache now. Makes no request.
  bool cached(const Version& version, ByteRange range) const;

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
