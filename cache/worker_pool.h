#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <stop_token>
#include <thread>
#include <vector>

#include "remote/guarded.h"

namespace augurfs {

// Does what takes a round trip and nobody waits for, several things at once, in the order in which
// they were asked for.
//
// Bounded: `threads` at once, few, so that most connections are left to others, and kWaitingMax
// waiting.
// Thread rule: any thread; ask() never waits. The destructor asks what runs to stop, forgets what
// waits, and joins.
class WorkerPool {
 public:
  static constexpr std::size_t kWaitingMax = 1024;

  using Work = std::function<void(const std::stop_token& stop)>;

  explicit WorkerPool(std::size_t threads);
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool();

  // False when too much waits already.
  bool ask(Work work);

 private:
  void run(const std::stop_token& stop);

  Guarded<std::deque<Work>> waiting_;
  std::condition_variable_any asked_;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace augurfs
