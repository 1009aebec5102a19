#pragma once

#include "predictor/expert.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct DirectorySweepOptions {
  std::size_t sweeps_max = 1 << 12;           // pairs of stream and directory
  std::size_t window_max = 32;                // objects ahead of the reader
  std::uint64_t window_bytes_max = 64 << 20;  // of them together
  std::uint64_t object_bytes_max = 4 << 20;   // of one; reading ahead in it is another's business
};

// A stream that has read some children of a directory reads the rest: cp -r, grep -r, the first
// epoch of a training loader. The only heuristic here that knows of objects nobody has read. When
// it reads them in the order of the catalog, give or take a few left out, the next ones are asked
// for, in a window that doubles with each child. Our own.
class DirectorySweep : public Expert {
 public:
  explicit DirectorySweep(const DirectorySweepOptions& options)
      : options_(options), sweeps_(options.sweeps_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  struct Sweep {
    ObjectId last{};  // read
    std::size_t last_position = 0;
    std::size_t reads = 0;      // of another child than the one before
    std::size_t in_order = 0;   // of the latest: how many came shortly behind the one before
    std::size_t asked_end = 0;  // children before it were asked for, or were read already
    std::size_t window = 0;
  };

  void ask(Sweep& sweep, std::size_t position, std::span<const ObjectId> children,
           const Catalog& catalog, std::vector<Candidate>& candidates) const;

  const DirectorySweepOptions options_;
  RecencyTable<Sweep> sweeps_;
};

}  // namespace augurfs
