#pragma once

#include <array>
#include <optional>

#include "predictor/experts/place.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct LeapOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::size_t readers_max = 1 << 12;
  std::int64_t window_max = 8;  // chunks to fetch at a time
};

// Majority delta: H. Al Maruf and M. Chowdhury, Effectively prefetching remote memory with Leap,
// USENIX ATC 2020. Of the last deltas between reads of one stream in one object the majority, if
// there is one, is the trend; it is looked for in the youngest few first, then in twice as many,
// and so on. The window grows with the hits of the window before and shrinks without.
class Leap : public Expert {
 public:
  explicit Leap(const LeapOptions& options) : options_(options), readers_(options.readers_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  static constexpr std::size_t kHistory = 32;
  static constexpr std::size_t kYoungest = 8;

  struct Reader {
    std::array<std::int64_t, kHistory> deltas{};  // a ring
    std::size_t count = 0;
    std::int64_t last_chunk = 0;
    bool begun = false;
    std::int64_t window = 0;  // chunks asked for the last time
    std::int64_t hits = 0;    // since then
  };

  static std::optional<std::int64_t> trend(const Reader& reader);
  std::int64_t next_window(const Reader& reader, bool on_trend) const;

  const LeapOptions options_;
  RecencyTable<Reader> readers_;
};

}  // namespace augurfs
