#pragma once

#include <array>

#include "predictor/experts/place.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct PpmOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::size_t contexts_max = 1 << 17;  // some 120 bytes each, of all orders and programs
  std::size_t streams_max = 1 << 12;
  std::size_t steps_max = 8;
  double probability_min = 0.25;
};

// Prediction by partial match over contexts of the last one, two and three places, kept for each
// program and for all together: T. M. Kroeger and D. D. E. Long, Design and implementation of a
// predictive file prefetching algorithm (EPCM), USENIX ATC 2001. From the longest context that is
// known it goes on to what has followed, takes that for granted, and so several steps ahead, until
// the product of the probabilities is too small: one step's lead is too little for a network.
class Ppm : public Expert {
 public:
  static constexpr std::size_t kOrders = 3;

  explicit Ppm(const PpmOptions& options)
      : options_(options), contexts_(options.contexts_max), streams_(options.streams_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  using Followers = Successors<4>;

  // The last places of a stream, the youngest first.
  struct History {
    std::array<Place, kOrders> places{};

    void push(const Place& place);
    // 0 when there are not so many.
    std::uint64_t context(std::size_t order, std::uint64_t program) const;
  };
  struct Stream {
    History history;
    std::int64_t last_ns = 0;
    double gap_ns = 0;  // between places, smoothed
  };
  struct Prediction {
    const Followers* followers = nullptr;
    double escape = 0;  // how much of a count the unknown is worth
  };

  void learn(const History& history, std::uint64_t program, const Place& place);
  Prediction predict(const History& history, std::uint64_t program);
  void look_ahead(const Stream& stream, std::uint64_t program, std::vector<Candidate>& candidates);

  const PpmOptions options_;
  RecencyTable<Followers> contexts_;
  RecencyTable<Stream> streams_;
};

}  // namespace augurfs
