#pragma once

#include <cstdint>

#include "predictor/object_id.h"
#include "predictor/trace.h"
#include "remote/object_store.h"

namespace augurfs {

// What a line of a trace tells of its object.
struct Revealed {
  Version version;
  ByteRange range;            // of a read, inside the version
  std::uint64_t content = 0;  // names the version in chunk ids
};

// `known` is the version known so far, or null. An object whose size no line tells is as long as
// what was read of it so far, to the chunk; else another size is another version.
Revealed reveal(const TraceLine& line, const Version* known, std::uint32_t chunk_bytes);

// The name of a version in chunk ids.
std::uint64_t content_of(ObjectId object, const Version& version);

// A longer read is issued piece by piece, as the kernel does.
inline constexpr std::uint64_t kReadBytesMax = 1 << 20;

}  // namespace augurfs
