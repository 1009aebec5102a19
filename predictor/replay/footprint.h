#pragma once

#include <cstdint>
#include <unordered_map>

#include "predictor/catalog.h"
#include "predictor/trace.h"

namespace augurfs {

// How many bytes of different chunks a trace reads. Exact up to kSampleMax chunks; beyond it a
// sample of the chunks, by their hash, is kept and scaled up, so that memory is bounded.
// Thread rule: one thread at a time.
class Footprint {
 public:
  static constexpr std::size_t kSampleMax = 1 << 20;

  explicit Footprint(std::uint32_t chunk_bytes) : chunk_bytes_(chunk_bytes), catalog_(1 << 18) {}

  // Reads the trace to its end.
  Result<void> add(TraceReader& reader);

  std::uint64_t bytes() const { return bytes_ << shift_; }
  std::uint64_t lines() const { return lines_; }

 private:
  void add_chunk(std::uint64_t hash, std::uint32_t bytes);

  const std::uint32_t chunk_bytes_;
  Catalog catalog_;
  std::unordered_map<std::uint64_t, std::uint32_t> sample_;  // bytes of chunks
  std::uint64_t bytes_ = 0;                                  // of the sample
  unsigned shift_ = 0;  // one chunk in 2^shift_ is in the sample
  std::uint64_t lines_ = 0;
};

}  // namespace augurfs
