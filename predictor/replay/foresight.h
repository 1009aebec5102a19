#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "predictor/replay/link.h"
#include "predictor/replay/reveal.h"

namespace augurfs {

struct ForesightOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::uint64_t ahead_bytes_max = 0;  // what the cache holds until it is read
  Tick think{};                       // between requests of a trace without times
};

// The bound for every prefetcher: it reads the trace itself, a limited way ahead of the replay, and
// says what comes, in order. That is all it has over a policy: link, cache and slots are the same.
// Thread rule: one thread at a time.
class Foresight {
 public:
  struct Wanted {
    Version version;
    ObjectId object{};
    ByteRange range;
    Tick due{};
  };

  Foresight(const ForesightOptions& options, std::unique_ptr<TraceReader> future)
      : options_(options), future_(std::move(future)) {}

  // A piece of a read begins; appends what to fetch now. An error of the trace is the replay's to
  // report, which comes there as well.
  void observe(const Event& event, std::vector<Wanted>& wanted);

 private:
  static constexpr std::size_t kAheadMax = 1 << 12;  // reads

  struct Coming {
    Wanted read;  // due: recorded time
    bool asked = false;
  };
  using Order = std::list<Coming>;
  struct Stream {
    std::deque<Order::iterator> coming;
    std::uint64_t begun_unseen = 0;  // reads that began before they were looked at
  };

  void look();
  void want(Coming& coming, Tick now, std::vector<Wanted>& wanted);
  void take(std::uint64_t stream);

  const ForesightOptions options_;
  const std::unique_ptr<TraceReader> future_;
  Order coming_;
  Order::iterator ahead_ = coming_.end();  // those before it were asked for, in their order
  std::uint64_t asked_bytes_ = 0;          // and not begun
  std::unordered_map<std::uint64_t, Stream> streams_;  // those with an entry that says something
  Tick clock_{};
  bool at_end_ = false;
};

}  // namespace augurfs
