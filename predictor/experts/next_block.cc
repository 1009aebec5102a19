#include "predictor/experts/next_block.h"

#include "predictor/experts/place.h"

namespace augurfs {

void NextBlock::observe(const Event& event, const Catalog& /*catalog*/,
                        std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead || event.range.length == 0) return;
  const Place read = place_of(event, chunk_bytes_);
  for (std::uint32_t step = 0; step < depth_; ++step) {
    const Place next{read.object, read.chunk + read.chunks + step, 1};
    if (std::uint64_t{next.chunk} * chunk_bytes_ >= event.object_bytes) return;
    candidates.push_back(candidate_for(next, chunk_bytes_, 0.5, {}, ExpertId::kNextBlock));
  }
}

}  // namespace augurfs
