#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <stop_token>
#include <thread>

#include "cache/chunk_buffer.h"
#include "cache/chunk_layout.h"
#include "cache/chunk_store.h"
#include "cache/flight_table.h"
#include "cache/fresh_chunks.h"
#include "cache/landings.h"
#include "cache/link_meter.h"
#include "cache/prefetch_budget.h"
#include "cache/recent_failures.h"
#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

struct ChunkReaderOptions {
  int transfers_max = 32;            // flights at once, each on a thread
  int prefetch_transfers_max = 16;   // of which prefetch may hold so many; one is always demand's
  PrefetchBudget* budget = nullptr;  // borrowed; charged for each flight of a prefetch; null: none
  // What is behind a read in the first so many bytes of an object comes with it, in one request: a
  // small object whole, of a large one what readahead would ask for in the same moment.
  std::uint64_t whole_bytes_max = 1 << 20;
  LandingsOptions landings;                // what is told of prefetches that have come
  std::chrono::milliseconds idle{10'000};  // a thread without a flight for so long ends
  // A long haul waits so long for what is to be appended. Meanwhile the server's next bytes wait in
  // buffers of the kernel, some MiB that are lost when the connection is given up then.
  std::chrono::milliseconds linger{1'000};
  // A read that waits for the store gets an error when no byte has come for so long, whatever it
  // was that it waited for: its own flight, another's, a slot.
  std::chrono::milliseconds patience{120'000};
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

// Since the start; a read is counted chunk by chunk as it hands out their bytes. A byte is a hit
// when it was in the cache, fetched ahead when it had come from the store since and nobody had read
// it yet (a prefetch, or the rest of a chunk of which another read wanted a piece), else a miss.
struct ChunkReaderStats {
  std::uint64_t hits = 0;       // all bytes in the cache
  std::uint64_t ahead = 0;      // did not wait, for some bytes were fetched ahead
  std::uint64_t misses = 0;     // had to wait for the store
  std::uint64_t hit_bytes = 0;  // handed out, of each kind
  std::uint64_t ahead_bytes = 0;
  std::uint64_t miss_bytes = 0;
  std::uint64_t prefetch_dropped = 0;  // prefetches refused, and flights of theirs over the budget
  std::uint64_t waiting = 0;           // reads that wait for the store right now
};

// How quick the store has been of late. Until a request has been measured it is what a store far
// away takes.
struct FetchPace {
  std::chrono::nanoseconds to_first_byte = std::chrono::milliseconds{100};
  std::chrono::nanoseconds per_mib = std::chrono::milliseconds{20};  // from there on
  bool measured = false;

  // A request for so many bytes, from its beginning to its end.
  std::chrono::nanoseconds time_of(std::uint64_t bytes) const;
  void measure(std::chrono::nanoseconds first_byte, std::chrono::nanoseconds rest,
               std::uint64_t bytes);
};

// What a read returned and where it came from.
struct ReadOutcome {
  std::size_t bytes = 0;  // fewer than asked only at the end of the version
  bool hit = true;        // false when any byte had to wait for the store
};

// The read path: bytes of a version, from the disk when they are there, else from a flight.
//
// A flight is one ranged GET of adjacent missing chunks, run by a thread of the reader's own; each
// chunk is fetched by at most one flight, and readers of the same chunk share it. Prefetches of a
// reader who goes on become one flight, a long haul, where one connection brings as much as many;
// who overtakes it is served by it too. A
// reader gets its bytes as soon as they have arrived, not when the chunk is complete. When a flight
// fails its waiters look again: the next becomes the loader, unless the store itself said no. A
// waiter outlives one failure of another's flight, not two, so that nobody waits for the time-outs
// of all the others. A failed prefetch fails no reader. In all, no read waits without a byte for
// longer than its patience, and who asks again within a second of such a failure is told the same.
//
// Thread rule: any thread. Reads block; a prefetch never does. A reader whose stop token fires
// returns kCancelled at once; a demand flight nobody waits for any more is cancelled then. `remote`
// and `chunks` are borrowed and outlive me. The destructor ends flights and waiting readers.
// Errors: the store's (kStale when the object has been replaced and the bytes asked for are not
// cached). Trouble with the cache disk is never an error: the bytes then come from the store.
// Memory: one chunk per flight, the chunks (at most kFlightBytesMax, and one) of each read under
// way, and kUnstoredBytesMax while the disk takes nothing. When nobody reads: none.
class ChunkReader {
 public:
  ChunkReader(const ChunkReaderOptions& options, ObjectStore& remote, ChunkStore& chunks);
  ChunkReader(const ChunkReader&) = delete;
  ChunkReader& operator=(const ChunkReader&) = delete;
  ~ChunkReader();

  // Fills `out` from `offset` on. Reading at or beyond the end yields 0 bytes.
  Result<ReadOutcome> read(const Version& version, std::uint64_t offset, std::span<std::byte> out,
                           std::stop_token stop);

  // A read nobody waits for: the missing chunks that overlap the range are fetched behind all
  // demand. Chunks cached or in flight are left out. False when there was no room for it: then
  // nothing was queued; more than kPrefetchQueueChunksMax chunks never have room, and nothing has
  // while the budget is used up. A failed prefetch is forgotten; the demand read finds out for
  // itself.
  bool prefetch(const Version& version, ByteRange range, const Foreseen& foreseen = {});

  // Whether every chunk that overlaps the range is in the cache now. Makes no request.
  bool cached(const Version& version, ByteRange range) const;

  // What prefetches wanted and is there.
  Landings& landings() { return landings_; }
  // A version from its first byte on, if the cache has all of `out`. Makes no request; neither a
  // read nor a use, until it is known that a program has had the bytes: by used().
  bool peek(const Version& version, std::span<std::byte> out);
  void used(const Version& version, ByteRange range);

  // What a prefetch would be, and whether it would leave out a chunk that is cached or under way.
  ChunkLayout layout(const Version& version) const;
  bool is_there(const Version& version, std::uint32_t chunk) const;
  FetchPace pace() const { return state_.lock()->pace; }

  // How many chunks of the version are on their way or wait for their turn.
  std::size_t under_way(const Version& version) const;

  ChunkReaderStats stats() const { return state_.lock()->stats; }

 private:
  class Read;
  struct Progress;
  struct State {
    explicit State(int prefetch_flights_max) : flights(prefetch_flights_max) {}

    FlightTable flights;
    FreshChunks fresh;
    RecentFailures failures;
    ChunkReaderStats stats;
    FetchPace pace;
    LinkMeter link;
    int readers = 0;  // calls of read() under way
    bool stopping = false;
    int idle_threads = 0;
    std::list<std::jthread> crew;
    std::list<std::jthread> gone;  // ended or about to; joined by whoever starts the next
  };

  // Makes sure that a thread sees to the work there is.
  void rouse(State& state);
  void work(std::list<std::jthread>::iterator self);
  void fly(const std::shared_ptr<Flight>& flight);
  bool is_granted(const Flight& flight, const Progress& progress, std::uint64_t requests);
  bool begin_chunk(const std::shared_ptr<Flight>& flight, Progress& progress);
  bool goes_on(Flight& flight, Progress& progress);
  bool receive(const std::shared_ptr<Flight>& flight, Progress& progress,
               std::span<const std::byte> bytes);
  bool is_demanded(const Arrival& arrival) const;
  ChunkCause cause_of(const Arrival& arrival, const Progress& progress) const;
  void land(const std::shared_ptr<Flight>& flight, const Progress& progress);

  const ChunkReaderOptions options_;
  ObjectStore& remote_;
  ChunkStore& chunks_;
  Landings landings_;
  ChunkBufferPool buffers_;       // before the flights that hold its buffers
  std::condition_variable work_;  // there is work, or the end has come
  std::condition_variable left_;  // at the end: a reader or a thread has left
  mutable Guarded<State> state_;
};

}  // namespace augurfs
