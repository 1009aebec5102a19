#include "predictor/replay/footprint.h"

#include "cache/chunk_layout.h"
#include "cache/chunk_record.h"
#include "predictor/replay/reveal.h"

namespace augurfs {

Result<void> Footprint::add(TraceReader& reader) {
  TraceLine line;
  while (true) {
    const auto more = reader.next(line);
    if (!more) return more.error();
    if (!*more) return {};
    ++lines_;
    if (line.operation != Operation::kRead) continue;
    const Revealed revealed = reveal(line, catalog_.version(object_id(line.path)), chunk_bytes_);
    catalog_.see(revealed.version);
    if (revealed.range.length == 0) continue;
    const ChunkLayout layout{revealed.version.size, chunk_bytes_};
    if (!layout.numbered()) continue;  // the replay will say so
    const std::uint32_t last = layout.chunk_at(revealed.range.offset + revealed.range.length - 1);
    for (std::uint32_t chunk = layout.chunk_at(revealed.range.offset);; ++chunk) {
      add_chunk(ChunkIdHash()({revealed.content, chunk}), layout.bytes_of(chunk));
      if (chunk == last) break;
    }
  }
}

void Footprint::add_chunk(std::uint64_t hash, std::uint32_t bytes) {
  constexpr std::uint64_t kOdd = 0xd1342543de82ef95;
  const std::uint64_t mixed = hash * kOdd;
  const auto in_sample = [this](std::uint64_t value) {
    return shift_ == 0 || value >> (64U - shift_) == 0;
  };
  if (!in_sample(mixed) || !sample_.emplace(mixed, bytes).second) return;
  bytes_ += bytes;
  while (sample_.size() > kSampleMax) {
    ++shift_;
    std::erase_if(sample_, [&](const auto& entry) {
      if (in_sample(entry.first)) return false;
      bytes_ -= entry.second;
      return true;
    });
  }
}

}  // namespace augurfs
