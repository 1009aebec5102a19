#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "cache/chunk_buffer.h"
#include "cache/chunk_layout.h"
#include "cache/prefetch_tally.h"
#include "remote/object_store.h"

namespace augurfs {

// A flight is one ranged GET. 8 MiB is where its round trip of some 30 ms no longer matters to a
// connection of 100 MB/s, and a reader who joins it at its end does not wait for long.
inline constexpr std::uint64_t kFlightBytesMax = 8 << 20;

// A long haul is one flight for a reader that goes on and on: its request reaches further than what
// was asked for so far, at most so far, and what is asked for next is appended to it. So many bytes
// pay for a connection that has to be opened anew when the reader stops on the way.
inline constexpr std::uint64_t kLongHaulBytesMax = 1 << 30;

// A reader may overtake those who ask ahead for it. It then takes what a long haul would bring
// next, unless more than this has still to come before.
inline constexpr std::uint64_t kOvertakenBytesMax = 1 << 20;

// A prefetch goes on where a flight ends that is on its way, or has ended since so short a time.
inline constexpr std::chrono::seconds kGoesOnWithin{1};

// What waits to be prefetched: at 256 KiB per chunk some ten seconds of a fast network. More would
// be out of date by the time it is fetched.
inline constexpr std::size_t kPrefetchQueueChunksMax = 4096;

// Chunks the disk would not take are kept in memory up to this, so that reading them piece by
// piece does not fetch them again for each piece.
inline constexpr std::size_t kUnstoredBytesMax = 8 << 20;

// Which chunk of which version.
struct ChunkKey {
  Version version;
  std::uint32_t chunk = 0;

  bool operator==(const ChunkKey&) const = default;
};

struct ChunkKeyHash {
  std::size_t operator()(const ChunkKey& id) const;
};

// One chunk of a flight.
struct Arrival {
  enum class State : std::uint8_t {
    kUnderWay,
    kInMemory,  // complete, and the disk would not take it
    kLanded,    // to be found in the chunk store, if anywhere
  };

  explicit Arrival(bool its_prefetch) : prefetch(its_prefetch) {}

  const bool prefetch;  // nobody waited when it was asked for
  State state = State::kUnderWay;
  bool demanded = false;                              // a reader has joined
  std::chrono::steady_clock::time_point demanded_at;  // the first of them
  Foreseen foreseen;                                  // of a prefetch
  int readers = 0;
  ChunkBuffer buffer;  // mapped with the first byte, gone when landed and no reader holds a seat
  // Bytes of the buffer below this never change: they are read without the lock.
  std::size_t received_bytes = 0;
  // The first reader to be satisfied waits for so many: no need to wake them for less.
  std::size_t wake_at_bytes = std::numeric_limits<std::size_t>::max();
};

// One ranged GET of adjacent chunks of one version. What is not const belongs to the table's
// owner's lock; but the flight's own thread alone touches the bytes not received yet. An arrival
// stays where it is; finding it takes the lock.
struct Flight {
  Flight(Version its_version, const ChunkLayout& its_layout, std::uint32_t first,
         std::uint32_t count, bool is_prefetch, std::uint32_t reach = 0)
      : version(std::move(its_version)),
        layout(its_layout),
        first_chunk(first),
        prefetch(is_prefetch),
        reach_end(std::max(reach, first + count)),
        long_haul(reach_end != first + count) {
    for (std::uint32_t i = 0; i < count; ++i) arrivals.emplace_back(is_prefetch);
  }

  bool takes_more() const { return reach_end != end_chunk(); }
  std::uint32_t end_chunk() const {
    return first_chunk + static_cast<std::uint32_t>(arrivals.size());
  }
  Arrival& arrival(std::uint32_t chunk) { return arrivals[chunk - first_chunk]; }
  std::uint64_t asked_bytes() const { return layout.range_of(first_chunk, end_chunk() - 1).length; }
  std::uint64_t prefetched_bytes(std::uint32_t first, std::uint32_t end) const;

  const Version version;
  const ChunkLayout layout;
  const std::uint32_t first_chunk;
  const bool prefetch;            // nobody waited when it began
  const std::uint32_t reach_end;  // the request ends before this chunk
  const bool long_haul;           // which at first was beyond what was asked for
  bool recheck = true;            // believe the store when it says that it has a chunk by now
  std::stop_source stop;          // ends the GET; requested outside the lock
  std::condition_variable_any changed;
  std::deque<Arrival> arrivals;  // of a long haul they become more
  std::uint64_t received_bytes = 0;
  int readers = 0;     // seats held on its arrivals
  bool ended = false;  // then every arrival has landed, is in memory, or `error` is set
  std::optional<Error> error;
};

// Which chunks are on their way, and what is to be fetched next: demand in the order it came,
// then prefetch while it holds fewer than its slots. A chunk is in at most one flight or queue.
//
// Thread rule: none; the owner guards it. Owns no thread and makes no request. Bounded: demand by
// its readers, who each have at most kFlightBytesMax (but at least a chunk) under way at a time.
class FlightTable {
 public:
  explicit FlightTable(int prefetch_flights_max) : prefetch_flights_max_(prefetch_flights_max) {}

  bool is_under_way(const ChunkKey& id) const { return under_way_.contains(id); }
  // In a flight or a queue.
  bool is_awaited(const ChunkKey& id) const {
    return is_under_way(id) || prefetch_places_.contains(id);
  }
  // How many chunks of a version are.
  std::size_t under_way(const Version& version) const;
  // Takes a seat on the flight of a chunk; null when it is in none. Each seat is left.
  std::shared_ptr<Flight> join(const ChunkKey& id);
  // The same for the chunk that a long haul comes to next: it is appended.
  std::shared_ptr<Flight> join_next(const ChunkKey& id);
  // What is to be destroyed outside the lock after a seat was left.
  struct Left {
    ChunkBuffer buffer;
    std::shared_ptr<Flight> cancelled;  // nobody waits for it any more: its stop is to be requested
  };
  Left leave(const std::shared_ptr<Flight>& flight, std::uint32_t chunk, bool satisfied);

  // Queues a demand flight. The chunks are in no flight; from the prefetch queue they are taken.
  std::shared_ptr<Flight> demand(const Version& version, const ChunkLayout& layout,
                                 std::uint32_t first, std::uint32_t count);
  // Queues those of the chunks that are in no flight or queue yet, or appends them to the long haul
  // that comes to them next. False: no room, nothing queued.
  bool prefetch(const Version& version, const ChunkLayout& layout,
                const std::vector<std::uint32_t>& chunks, const Foreseen& foreseen = {});

  bool has_work() const;
  // The next flight to run; null when there is none, or when prefetch has all its slots. It is a
  // long haul when that is welcome and it goes on where another flight ends.
  std::shared_ptr<Flight> take(bool long_hauls_welcome = false);
  // The long haul has come to the end of what was asked for, and nothing is appended from here on.
  void close(const Flight& long_haul);
  // Ends everything that waits to be taken with `error`, and names what runs.
  std::vector<std::shared_ptr<Flight>> end_queued(const Error& error);

  // The chunk is complete, or needs no fetching. Returns what is to be freed outside the lock.
  ChunkBuffer land(const std::shared_ptr<Flight>& flight, std::uint32_t chunk, bool stored);
  void end(const std::shared_ptr<Flight>& flight, std::optional<Error> error);

 private:
  struct Queued {
    ChunkKey id;
    ChunkLayout layout;
    Foreseen foreseen;
  };
  using PrefetchQueue = std::list<Queued>;

  using LongHauls = std::vector<std::shared_ptr<Flight>>;

  static ChunkBuffer release(Arrival& arrival);
  void unqueue(const ChunkKey& id);
  LongHauls::iterator long_haul_to(const ChunkKey& next);
  Arrival& extend(LongHauls::iterator long_haul, bool prefetch);
  std::size_t append(const std::vector<ChunkKey>& chunks, const Foreseen& foreseen);
  bool goes_on(const ChunkKey& first) const;
  void erase(const Flight& flight, std::uint32_t chunk);
  void keep_in_memory(const std::shared_ptr<Flight>& flight, std::uint32_t chunk);

  const int prefetch_flights_max_;
  int prefetch_flights_ = 0;  // taken, not ended
  std::unordered_map<ChunkKey, std::shared_ptr<Flight>, ChunkKeyHash> under_way_;
  std::deque<std::shared_ptr<Flight>> demand_;  // not taken yet
  PrefetchQueue prefetch_;
  std::unordered_map<ChunkKey, PrefetchQueue::iterator, ChunkKeyHash> prefetch_places_;
  std::vector<std::shared_ptr<Flight>> taken_;
  LongHauls long_hauls_;  // of those: that more may be appended to
  struct End {
    ChunkKey next;  // the chunk after its last
    std::chrono::steady_clock::time_point at;
  };
  static constexpr std::size_t kEndsMax = 64;
  std::deque<End> ends_;           // of flights, the oldest first
  std::deque<ChunkKey> unstored_;  // the oldest first
  std::size_t unstored_bytes_ = 0;
};

}  // namespace augurfs
