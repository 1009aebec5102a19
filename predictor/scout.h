#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cache/metadata_cache.h"
#include "remote/guarded.h"
#include "remote/result.h"

namespace augurfs {

// A directory to be listed before it is asked for, and for whom.
struct ListingWanted {
  std::string prefix;
  std::uint64_t stream = 0;
  std::uint64_t program = 0;
};

// Lists directories ahead, on threads of its own: a listing is a round trip in which its children
// cannot be fetched, as nobody knows of them. One that fails is forgotten; who asks for the
// directory finds out for itself.
//
// Bounded: kThreads listings at once, so that most connections are left to others, and kWaitingMax
// waiting. Thread rule: any thread; ask() never waits. `list` and `found` are called on the
// threads. The destructor stops and joins.
class Scout {
 public:
  static constexpr int kThreads = 8;
  static constexpr std::size_t kWaitingMax = 256;

  using List = std::function<Result<std::shared_ptr<const Listing>>(const std::string& prefix,
                                                                    std::stop_token stop)>;
  using Found =
      std::function<void(const ListingWanted& wanted, std::shared_ptr<const Listing> listing)>;

  Scout(List list, Found found);
  Scout(const Scout&) = delete;
  Scout& operator=(const Scout&) = delete;
  ~Scout();

  // False when too many wait already.
  bool ask(ListingWanted wanted);

 private:
  void run(const std::stop_token& stop);

  const List list_;
  const Found found_;
  Guarded<std::deque<ListingWanted>> waiting_;
  std::condition_variable_any work_;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace augurfs
