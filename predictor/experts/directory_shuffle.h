#pragma once

#include <vector>

#include "predictor/expert.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct DirectoryShuffleOptions {
  std::size_t directories_max = 1 << 12;     // pairs of stream and directory
  std::uint64_t ahead_bytes_max = 64 << 20;  // asked for and not read yet, in one directory
  std::uint64_t object_bytes_max = 4 << 20;  // of one; reading ahead in it is another's business
};

// A stream that has read a quarter of the children of a directory in no order, none of them twice,
// reads the rest in no order: the first epoch of a training loader that shuffles. As nobody knows
// which is next, it asks for all of them, as many as may be ahead. Our own.
class DirectoryShuffle : public Expert {
 public:
  explicit DirectoryShuffle(const DirectoryShuffleOptions& options)
      : options_(options), epochs_(options.directories_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  // A stream in a directory, from the first child on.
  struct Epoch {
    std::vector<bool> read;  // by position among the children
    std::size_t count = 0;   // of them
    std::size_t backward = 0;
    std::size_t last_position = 0;
    std::size_t asked_end = 0;  // children before it were asked for, or were read already
    std::uint64_t ahead_bytes = 0;
  };

  std::uint64_t wanted_bytes(const Catalog& catalog, ObjectId object) const;

  const DirectoryShuffleOptions options_;
  RecencyTable<Epoch> epochs_;
};

}  // namespace augurfs
