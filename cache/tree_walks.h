#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "cache/listing_cutter.h"
#include "cache/prefetch_budget.h"
#include "cache/worker_pool.h"
#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

struct TreeWalksOptions {
  PrefetchBudget* budget = nullptr;  // borrowed; charged for every page; null: none
  std::size_t open_entries_max = 1'000'000;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

struct TreeWalksStats {
  std::uint64_t pages = 0;     // that were asked for
  std::uint64_t listings = 0;  // of directories, that they completed
};

// Lists ahead of programs that walk a tree (`find`, `ls -lR`, `cp -r`): when three directories of a
// subtree were listed shortly after one another, the subtree is listed without delimiter, a page of
// 1,000 keys at a time, from the first of the three on, and cut into the listings of its
// directories. So a tree costs its pages, not its directories.
//
// Nobody who waits is behind it: who asks for a directory that the page on its way may bring waits
// for that one page, and for further ones only while they bring this very directory; else he asks
// for it himself. A walk is at most kPagesAheadMax pages ahead of the directory asked for last. One
// that goes past what it was brought (a walk of depth 1 over large subtrees) is followed to where
// it is, each time after twice as many misses as before. A walk without a listing for kPause is
// over, as is one over a store that answers out of order or errs.
//
// Bounded: kWalksMax walks, a page of each on its way. Thread rule: any thread; `store` and
// `workers` are borrowed, and the workers end before this does. They are kWalksMax and have nothing
// else to do: so a page is on its way from when it was asked for, and not behind another.
class TreeWalks {
 public:
  static constexpr std::chrono::seconds kPause{5};
  static constexpr std::size_t kListedMin = 3;
  static constexpr std::size_t kPagesAheadMax = 4;
  static constexpr std::size_t kWalksMax = 4;
  static constexpr std::size_t kSeenMax = 16;

  using Put = std::function<void(std::vector<CutListing> listings)>;

  TreeWalks(const TreeWalksOptions& options, ObjectStore& store, WorkerPool& workers, Put put);

  enum class Caller { kProgram, kAhead };
  // A directory is asked for, and memory has its listing (`known`) or not.
  void listed(const std::string& prefix, bool known, Caller caller);
  // Waits for the end of a page that may bring the listing of `prefix`; true: look again. `waits`
  // says how many the caller has waited for already. Who lists ahead waits as long as pages come.
  bool wait(const std::string& prefix, std::size_t waits, Caller caller,
            const std::stop_token& stop);
  TreeWalksStats stats() const { return state_.lock()->stats; }

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Walk {
    Walk(std::string root_, std::string after_, std::size_t open_entries_max)
        : root(std::move(root_)),
          after(std::move(after_)),
          last(after),
          cutter(root, after, open_entries_max) {}

    bool covers(const std::string& prefix) const {
      return prefix.size() > root.size() && prefix.starts_with(root);
    }
    bool is_inside(const std::string& prefix) const { return last.starts_with(prefix); }

    std::string root;
    std::string after;             // where it began
    std::string last;              // the last key that came
    std::string next;              // where the store goes on
    std::deque<std::string> ends;  // last keys of the pages that end ahead of the program
    std::size_t ahead_max = 1;     // grows while what is brought is used
    std::uint64_t pages = 0;       // that ended
    unsigned leaps = 0;            // in a row in which nothing was used
    std::uint64_t misses = 0;      // since the last leap
    std::string leap_to;           // where the program is, beyond what comes
    bool asking = false;           // a worker is at it, and alone touches the cutter
    bool over = false;
    Time last_use;
    ListingCutter cutter;
  };
  struct Seen {
    std::string prefix;
    Time time;
  };
  struct State {
    std::vector<std::shared_ptr<Walk>> walks;
    std::deque<Seen> seen;  // directories listed lately, the newest last
    TreeWalksStats stats;
  };

  static std::shared_ptr<Walk> find(const State& state, const std::string& prefix);
  std::shared_ptr<Walk> recognise(State& state, const std::string& prefix, Time now) const;
  void restart(Walk& walk, const std::string& after) const;
  bool advance(Walk& walk, const std::string& prefix, bool known) const;
  bool leap(Walk& walk, const std::string& prefix) const;
  void run(const std::shared_ptr<Walk>& walk, const std::stop_token& stop);
  bool step(Walk& walk, const std::stop_token& stop);

  const TreeWalksOptions options_;
  ObjectStore& store_;
  WorkerPool& workers_;
  const Put put_;
  Guarded<State> state_;
  std::condition_variable_any changed_;
};

}  // namespace augurfs
