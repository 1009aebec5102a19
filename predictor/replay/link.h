#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cache/chunk_record.h"
#include "predictor/tick.h"

namespace augurfs {

struct LinkOptions {
  Tick round_trip = std::chrono::milliseconds(80);
  std::uint64_t bits_per_s = 200'000'000;
  int transfers_max = 32;  // as ChunkReader has them
  int prefetch_transfers_max = 16;
};

// A simulated store behind one link. A flight, a ranged GET of adjacent chunks, takes a slot, then
// a round trip until its bytes are ready, then its share of the link: bytes go in pieces, and
// before each piece the link looks whether a demanded flight has bytes ready. Demanded flights take
// turns, and so do the others among themselves. Integer arithmetic throughout.
// Thread rule: one thread at a time.
class Link {
 public:
  // Bytes go over the link in pieces of this size: the record size of TLS, and what a prefetch
  // holds demand up by at most.
  static constexpr std::uint64_t kPieceBytes = 16 << 10;

  struct Flight {
    std::uint64_t number = 0;
    std::uint64_t object = 0;  // of the chunks' ids
    std::uint32_t first_chunk = 0;
    std::vector<std::uint32_t> chunk_bytes;
    std::uint64_t bytes = 0;  // all of them
    std::uint64_t received = 0;
    std::size_t landed = 0;  // chunks that are complete, and their bytes: the caller's
    std::uint64_t landed_bytes = 0;
    bool demanded = false;  // somebody waits
    bool prefetch = false;  // it takes, or will take, a slot of prefetch's
    bool has_slot = false;
    bool ready = false;  // its first byte has come
  };
  // Called for each piece, when it has arrived.
  using Received = std::function<void(Flight& flight, Tick now)>;

  explicit Link(const LinkOptions& options) : options_(options) {}

  // Takes the flight's chunks and numbers it. Prefetches wait for a slot in the order they came.
  Flight& start(std::unique_ptr<Flight> flight, Tick now);
  // A reader waits for it now.
  void demand(Flight& flight, Tick now);

  // When the link next has something to do; nullopt when it is idle.
  std::optional<Tick> next() const;
  // Does what is due at next(). A flight ends, and is gone, when its last byte was received.
  void step(const Received& received);

  // Chunks of prefetches that have no slot yet.
  std::size_t queued_chunks() const { return queued_chunks_; }

 private:
  using Numbers = std::deque<std::uint64_t>;
  struct Ready {
    Tick at{};
    std::uint64_t flight = 0;
  };

  void take_slots(Tick now);
  bool take_slot(Numbers& waiting, bool demanded, Tick now);
  void send(Tick now);
  std::uint64_t take_turn();

  const LinkOptions options_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Flight>> flights_;
  std::uint64_t numbers_ = 0;
  // Each may name flights that have gone on from it in the meantime; index 1 is demanded.
  std::array<Numbers, 2> waiting_;  // for a slot
  std::array<Numbers, 2> turns_;    // bytes are ready
  std::deque<Ready> travelling_;    // in the order they will be ready
  int slots_ = 0;
  int prefetch_slots_ = 0;
  std::size_t queued_chunks_ = 0;
  std::uint64_t sending_ = 0;  // the flight whose piece is on the link, 0 for none
  std::uint64_t piece_bytes_ = 0;
  Tick piece_end_{};
};

}  // namespace augurfs
