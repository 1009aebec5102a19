#pragma once

#include "predictor/expert.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct DirectorySweepOptions {
  std::size_t sweeps_max = 1 << 12;  // pairs of stream and directory
  std::size_t streams_max = 1 << 10;
  std::size_t window_usual = 32;              // objects ahead of a reader who finds them there
  std::size_t window_max = 256;               // of one who comes before them
  std::uint64_t window_bytes_max = 64 << 20;  // of them together
  std::uint64_t object_bytes_max = 4 << 20;   // of one; reading ahead in it is another's business
};

// A stream that has read some children of a directory reads the rest, and then the directories
// below and beside it: cp -r, grep -r, the first epoch of a training loader. The only heuristic
// here that knows of objects nobody has read. When it reads them in the order of the catalog, give
// or take a few left out, the next ones are asked for, in a window that doubles with each child,
// and goes on doubling while children are read before they have come: so it is as long as the
// distance and the haste of the reader make it. A stream that has gone through one directory so is
// believed at once in the next. Directories that are next, for one who reads or only lists them in
// their order, are listed ahead. Our own.
class DirectorySweep : public Expert {
 public:
  explicit DirectorySweep(const DirectorySweepOptions& options)
      : options_(options), sweeps_(options.sweeps_max), walks_(options.streams_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  // A stream in a directory.
  struct Sweep {
    ObjectId last{};  // read
    std::size_t last_position = 0;
    std::size_t reads = 0;     // of another child than the one before
    std::size_t in_order = 0;  // of the latest: how many came shortly behind the one before
    // Children before it were asked for, or were read or passed already.
    std::size_t asked_end = 0;
    bool last_was_asked = false;
    std::size_t next_subdirectory = 0;  // behind the last that was entered
    bool entered = false;               // listed or read by the stream itself
    bool asked_listing = false;
  };
  // A stream.
  struct Walk {
    ObjectId directory{};      // where it is
    std::size_t trust = 0;     // its latest reads in order, over all directories
    std::size_t lists = 0;     // its latest listings in order
    std::size_t window = 0;    // objects ahead of it
    bool files_first = false;  // reads the files of a directory before it goes below
    std::int64_t step_ns = 0;  // time of its last step
    double gap_ns = 0;         // between steps, smoothed
  };
  // A look ahead of the reader with one event: what it may still ask for, and for whom.
  struct Look {
    const Event& event;
    const Catalog& catalog;
    std::vector<Candidate>& candidates;
    double gap_ns;
    float probability;
    std::size_t files = 0;        // ahead of the reader, those asked for already included
    std::uint64_t bytes = 0;      // of those
    std::size_t directories = 0;  // ahead of the reader, listed or not
    std::size_t asks = 0;
    std::size_t passed = 0;  // files between the reader and where it looks now
  };

  Sweep& sweep(const Event& event, ObjectId directory);
  void enter(const Event& event, const Catalog& catalog, Walk& walk);
  bool step(const Event& event, const Catalog& catalog, Walk& walk);
  void look_ahead(const Event& event, const Catalog& catalog, Walk& walk,
                  std::vector<Candidate>& candidates);
  void ask_below(ObjectId directory, std::size_t depth, bool files_first, Look& look);
  void ask_subdirectories(ObjectId directory, std::size_t depth, bool files_first, Look& look);
  void ask_listing(ObjectId directory, Look& look);
  void ask_files(ObjectId directory, Look& look);

  const DirectorySweepOptions options_;
  RecencyTable<Sweep> sweeps_;
  RecencyTable<Walk> walks_;
};

}  // namespace augurfs
