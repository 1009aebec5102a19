#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/chunk_reader.h"
#include "cache/metadata_cache.h"
#include "predictor/brain/supervisor.h"
#include "predictor/event.h"
#include "predictor/expert.h"
#include "predictor/hint_ledger.h"
#include "predictor/history.h"
#include "predictor/recollection.h"
#include "predictor/shadow.h"

namespace augurfs {

// Of Prefetcher::pause_until().
inline constexpr auto kNotPaused = std::chrono::steady_clock::time_point::min();
inline constexpr auto kForGood = std::chrono::steady_clock::time_point::max();

// Both may take a round trip. The object's version; nullopt when there is none.
using FindObject =
    std::function<Result<std::optional<Version>>(const std::string& key, std::stop_token stop)>;
using ListDirectory = std::function<Result<std::shared_ptr<const Listing>>(
    const std::string& prefix, std::stop_token stop)>;

struct PrefetcherOptions {
  std::size_t queue_events_max = 4096;  // some tenths of a second of a mount at full speed
  std::size_t catalog_objects_max = Catalog::kObjectsMaxUsual;
  History* history = nullptr;              // borrowed; null: accesses are not kept
  HintLedger* ledger = nullptr;            // borrowed; null: what becomes of hints is not booked
  PrefetchBudget* budget = nullptr;        // borrowed; charged for `find` and `list`; null: none
  Shadow* shadow = nullptr;                // borrowed; null: there is no shadow mode
  bool in_shadow = false;                  // begins so
  std::optional<SupervisorOptions> brain;  // none: only the experts think
  FindObject find;     // none: hints of what only the brain's past knows are dropped
  ListDirectory list;  // null: no directory is listed ahead
  std::chrono::steady_clock::time_point paused_until = kNotPaused;
  bool own_thread = true;  // false: nothing happens but by step()
};

struct PrefetcherStats {
  std::uint64_t events = 0;          // taken from the queue
  std::uint64_t events_waiting = 0;  // in the queue, or being shown to the experts
  std::uint64_t events_dropped = 0;  // oldest first, when the queue was full
  std::uint64_t news_dropped = 0;    // versions and listings, when there were too many of them
  std::uint64_t hints_dropped = 0;   // oldest first, when there were too many of them
  std::uint64_t candidates = 0;      // of all experts, hints included
  std::uint64_t listings = 0;        // of those: of directories, to be listed ahead
  std::uint64_t unknown = 0;         // of those: of what nothing is known of
  std::uint64_t looked_up = 0;       // of those: known by name only, so the store was asked
  std::uint64_t refused = 0;         // of those: no room for them, or no budget
  std::uint64_t withheld = 0;        // of those: paused, or for the store while in the shadow
  BrainStats brain;
};

// Turns accesses into cache reads nobody waits for. see() and list() tell the catalog what ids
// stand for, record() puts an event into a bounded queue; a thread of the prefetcher's own feeds it
// to the experts and their candidates, as versions, to the reader. What was told before an event
// was recorded is known when the experts are shown it. The thread then tells each event to the
// brain, whose hints go the way of the experts' candidates, and, with the names it stands for, to
// the history. A hint of an object of which only an earlier mount knows waits until it is found.
// Whoever a candidate is from, it is booked in the ledger. A directory that is wanted is listed by
// a worker; what it finds is told like any other listing, and the event that says so goes to the
// experts and the brain alone.
//
// Thread rule: any thread, but for step(); none of these calls waits for the experts or the reader.
// `reader` is borrowed and outlives the prefetcher. The destructor stops and joins.
class Prefetcher {
 public:
  static constexpr std::size_t kProgramsMax = 4096;

  // ChunkReader::prefetch, or what stands for it in a test: false when there was no room.
  using Fetch =
      std::function<bool(const Version& version, ByteRange range, const Foreseen& foreseen)>;

  Prefetcher(ChunkReader& reader, std::vector<std::unique_ptr<Expert>> experts,
             const PrefetcherOptions& options = {})
      : Prefetcher(
            [&reader](const Version& version, ByteRange range, const Foreseen& foreseen) {
              return reader.prefetch(version, range, foreseen);
            },
            std::move(experts), options) {}
  Prefetcher(Fetch fetch, std::vector<std::unique_ptr<Expert>> experts,
             const PrefetcherOptions& options = {});
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  ~Prefetcher();

  // At open and lookup: the object has this version.
  void see(const Version& version);
  // At readdir: these are the children of `prefix`, which is "" or ends in "/".
  void list(const std::string& prefix, std::shared_ptr<const Listing> listing);
  // The executable that Event::program stands for. Kept while there are no more than
  // kProgramsMax of them.
  void name_program(std::uint64_t program, std::string_view path);
  void record(const Event& event);
  // What somebody else thinks will be read: the brain. Of objects that were never told nothing is
  // fetched.
  void hint(std::span<const Candidate> hints);
  PrefetcherStats stats() const;
  // Fetches nothing until then; the experts and the brain go on learning. kNotPaused, or a time
  // that has passed: fetches again. kForGood: until told otherwise, and so without a brain.
  void pause_until(std::chrono::steady_clock::time_point time);
  std::chrono::steady_clock::time_point paused_until() const;
  // The brain begins anew, with what the history says by now: it was wiped, or given a profile.
  void learn_anew();

  // Fetches nothing, and lets the shadow say what would have come of it. Needs a shadow.
  void set_shadow(bool in_shadow);
  bool in_shadow() const;

  // Works off what is in the queue, on the caller's thread; says how many events there were. Only
  // without a thread of its own.
  std::size_t step();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
