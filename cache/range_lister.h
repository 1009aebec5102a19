#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/key_space.h"
#include "cache/metadata_table.h"
#include "cache/worker_pool.h"
#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

// A store may answer with a page of nothing and more to come; one that does so for ever is broken.
inline constexpr int kBarrenPagesMax = 100;

inline constexpr int kPageKeys = 1000;  // as many as S3 gives at once

// Lists the rest of a large directory by several requests at once: each of those who take part
// lists a range of keys, and who has none takes the further half of another's, by a guess of
// KeySpace. A guess may be wrong: there are no more of them than kSplits, of a short listing fewer,
// and one for each kPagesASplit pages, so a listing takes little more requests than it has pages.
//
// Who leads goes on alone while no worker has time. A worker is asked for when there may be
// something to divide, lists one range and is free again; one that finds nothing to divide, or all
// of it over, leaves at once.
//
// Bounded: kHelpersMax workers. Thread rule: any thread; lead() is called once. `workers` is
// borrowed; what it does last for me may be after lead(), so I am shared.
class RangeLister : public std::enable_shared_from_this<RangeLister> {
 public:
  static constexpr std::size_t kHelpersMax = 4;
  static constexpr std::size_t kSplits = 8;
  static constexpr std::size_t kPagesASplit = 16;

  // A page of what follows `after`, or goes on at `continuation` where that is not empty.
  using Ask =
      std::function<Result<ListPage>(const std::string& after, const std::string& continuation)>;

  // `begun` is in order, and has objects; what follows it is listed, from `next` on. kNoSpace when
  // that is more than `entries_max`; kCorrupt when it is not in order.
  RangeLister(const Listing& begun, std::string next, std::size_t entries_max, Ask ask,
              WorkerPool& workers);

  // Returns when all is listed, or with the first error: the pages, in the order of their keys.
  // Where two ranges meet a prefix may be in both.
  Result<std::vector<ListPage>> lead();

 private:
  struct Range {
    std::string position;              // the last key that came
    std::string next;                  // where the store goes on
    std::optional<std::string> until;  // the last key that belongs to it; none: there is no end
    std::vector<ListPage> pages;
    bool split_off = false;  // and nothing has come yet, so it may be empty
    int barren = 0;          // pages of nothing
  };
  struct State {
    std::map<std::string, Range> ranges;  // by the key they begin after
    std::size_t unfinished = 0;
    std::size_t pages = 0;
    std::size_t entries = 0;
    std::size_t splits = 0;
    std::size_t helpers = 0;  // at it, or asked for
    std::optional<Error> error;

    bool over() const { return unfinished == 0 || error.has_value(); }
    bool may_split() const;
  };

  void invite();
  void help();
  Range* split(State& state) const;
  void list(Range& range);
  bool take(State& state, Range& range, Result<ListPage> page) const;

  const KeySpace space_;
  const std::size_t entries_max_;
  const Ask ask_;
  WorkerPool& workers_;
  std::condition_variable_any changed_;
  Guarded<State> state_;
};

}  // namespace augurfs
