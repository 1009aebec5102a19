#include "cache/worker_pool.h"

#include <utility>

namespace augurfs {

WorkerPool::WorkerPool(std::size_t threads) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

// All are told before the first is waited for.
WorkerPool::~WorkerPool() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

bool WorkerPool::ask(Work work) {
  auto waiting = waiting_.lock();
  if (waiting->size() >= kWaitingMax) return false;
  waiting->push_back(std::move(work));
  asked_.notify_one();
  return true;
}

void WorkerPool::run(const std::stop_token& stop) {
  while (true) {
    Work work;
    {
      auto waiting = waiting_.lock();
      if (!asked_.wait(waiting.mutex(), stop, [&] { return !waiting->empty(); })) return;
      work = std::move(waiting->front());
      waiting->pop_front();
    }
    if (stop.stop_requested()) return;
    work(stop);
  }
}

}  // namespace augurfs
