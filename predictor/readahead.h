#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>
#include <vector>

#include "predictor/expert.h"

namespace augurfs {

// More ahead of all sequences together is of no use to any network, and of much harm to a cache.
inline constexpr std::uint64_t kReadaheadBytesMax = 1 << 30;

struct ReadaheadOptions {
  std::uint64_t window_bytes_max = 64 << 20;  // how far ahead of one sequence
  // How far ahead of all sequences together, so that what was fetched is read before it is evicted:
  // an eighth of what the cache has room for now is a good value, and so it is asked each time.
  // Below kFirstWindowBytes nothing is fetched.
  std::function<std::uint64_t()> ahead_bytes_max = [] { return kReadaheadBytesMax; };
  std::size_t handles_max = 1024;  // remembered; the least recently used is forgotten
};

// Reads ahead of sequential readers, file handle by file handle.
//
// A handle has up to kSequencesMax sequences, so that threads which share it, a program that looks
// something up elsewhere, or reads that overtake each other in the kernel do not end one another's.
// A sequence is believed from a read at offset 0 on, else from the third read in a row. It then
// tolerates gaps: 16 MiB forward, or anywhere into what was asked for, and 1 MiB back. The window
// doubles each time half of it was used, unless less was read than skipped. A sequence asks for
// each byte once, in pieces that can fly side by side, and leaves what is in the cache to the
// cache. An object no larger than the first window is asked for whole.
//
// Who reads a small piece, leaves out as much each time and reads the next is known from the third
// piece on: then the pieces that come are asked for, two, four, up to kPiecesAheadMax of them, and
// nothing of what lies between.
class Readahead : public Expert {
 public:
  static constexpr std::uint64_t kFirstWindowBytes = 1 << 20;
  static constexpr std::uint64_t kForwardBytesMax = 16 << 20;
  static constexpr std::uint64_t kBackwardBytesMax = 1 << 20;
  static constexpr std::size_t kSequencesMax = 4;
  static constexpr std::uint64_t kPiecesAheadMax = 16;

  explicit Readahead(ReadaheadOptions options) : options_(std::move(options)) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  struct Sequence {
    std::chrono::steady_clock::time_point began;
    std::uint64_t begin = 0;      // of its first read
    std::uint64_t frontier = 0;   // the end of the furthest read
    std::uint64_t asked_end = 0;  // nothing before it is asked for again
    std::uint64_t window_bytes = kFirstWindowBytes;
    std::uint64_t read_bytes = 0;      // since it last asked
    std::uint64_t advanced_bytes = 0;  // of the frontier, since it last asked
    std::uint64_t reads_in_a_row = 0;
    std::uint64_t last_use = 0;  // the event that last touched it

    bool believed() const;
    // How long it takes to come to a place beyond its frontier, at its pace so far.
    std::chrono::nanoseconds time_to(std::uint64_t offset,
                                     std::chrono::steady_clock::time_point now) const;
  };
  // Pieces that are read from end to end, each as far from the one before.
  struct Strides {
    std::uint64_t begin = 0;  // of the piece that is being read
    std::uint64_t end = 0;
    std::uint64_t piece_bytes = 0;  // of the one before
    std::int64_t stride = 0;        // from the one before to this one
    std::uint64_t alike = 0;        // so many in a row
    std::uint64_t asked = 0;        // so many pieces ahead of this one

    bool believed() const;
    // Whether a new piece begins.
    bool follow(const ByteRange& range);
  };
  struct Handle {
    std::uint64_t number = 0;
    bool asked_for_whole = false;  // a small object: there is no more to ask for
    Strides strides;
    std::vector<Sequence> sequences;
  };
  using Handles = std::list<Handle>;  // most recently used first

  Handle& handle(std::uint64_t number);
  void forget(Handles::iterator handle);
  void ask_for_whole(Handle& handle, const Event& event, std::vector<Candidate>& candidates);
  static bool tolerates(const Sequence& sequence, std::uint64_t offset, std::uint64_t length);
  Sequence& follow(Handle& handle, const Event& event);
  Sequence& start(Handle& handle, const Event& event);
  void advance(Sequence& sequence, const Event& event);
  void ask_pieces(Strides& strides, const Event& event, std::vector<Candidate>& candidates) const;
  void ask(Sequence& sequence, const Event& event, std::vector<Candidate>& candidates);
  std::uint64_t window_bytes_max() const;

  const ReadaheadOptions options_;
  Handles handles_;
  std::unordered_map<std::uint64_t, Handles::iterator> by_number_;
  std::uint64_t believed_ = 0;  // sequences that may ask, over all handles
  std::uint64_t events_ = 0;
};

}  // namespace augurfs
