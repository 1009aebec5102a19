#include "predictor/replay/reveal.h"

#include <algorithm>
#include <limits>

#include "cache/chunk_layout.h"

namespace augurfs {
namespace {

constexpr char kSizeGuessed = '?';  // the etag of such a version

}  // namespace

Revealed reveal(const TraceLine& line, const Version* known, std::uint32_t chunk_bytes) {
  Revealed revealed;
  revealed.version = {line.path, {}, line.object_bytes.value_or(0)};
  Version& version = revealed.version;
  std::uint64_t bytes = 0;
  if (line.operation == Operation::kRead) {
    bytes = line.bytes.value_or(line.object_bytes ? version.size - line.offset : chunk_bytes);
  }
  if (!line.object_bytes) {
    const std::uint64_t end = line.offset + bytes;  // below 2^64, see TraceReader
    const std::uint64_t chunks = end / chunk_bytes + (end % chunk_bytes != 0 ? 1 : 0);
    version.size = bytes == 0 ? 0 : chunks * chunk_bytes;
    version.etag.push_back(kSizeGuessed);
    if (known != nullptr && known->etag.empty()) {
      version = *known;
    } else if (known != nullptr) {
      version.size = std::max(version.size, known->size);
    }
  }
  revealed.range = clamp({line.offset, bytes}, version.size);
  revealed.content = content_of(object_id(line.path), version);
  return revealed;
}

std::uint64_t content_of(ObjectId object, const Version& version) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  const auto id = static_cast<std::uint64_t>(object);
  if (!version.etag.empty()) return id;
  const std::uint64_t mixed = (id ^ (version.size * kOdd)) * kOdd;
  return mixed ^ (mixed >> 32U);
}

}  // namespace augurfs
