#include "predictor/prefetcher.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>

#include "remote/guarded.h"

namespace augurfs {

struct Prefetcher::Parts {
  struct State {
    std::deque<Event> queue;
    PrefetcherStats stats;
  };

  Parts(Fetch fetch_, std::vector<std::unique_ptr<Expert>> experts_, std::size_t queue_events_max_)
      : fetch(std::move(fetch_)),
        experts(std::move(experts_)),
        queue_events_max(std::max<std::size_t>(queue_events_max_, 1)) {}

  void run(std::stop_token stop);
  std::size_t step(std::stop_token stop);

  const Fetch fetch;
  // Touched only by the thread, or by step() when there is none.
  const std::vector<std::unique_ptr<Expert>> experts;
  std::vector<Candidate> candidates;
  const std::size_t queue_events_max;
  std::condition_variable_any filled;
  Guarded<State> state;
  std::jthread thread;  // last: it ends before what it uses
};

// Leaves the rest of the queue when asked to stop: hints for a mount that ends are worth nothing.
std::size_t Prefetcher::Parts::step(std::stop_token stop) {
  std::deque<Event> events;
  std::swap(events, state.lock()->queue);
  std::size_t taken = 0;
  for (const Event& event : events) {
    if (stop.stop_requested()) break;
    ++taken;
    candidates.clear();
    for (const auto& expert : experts) expert->observe(event, candidates);
    const auto refused = std::count_if(
        candidates.begin(), candidates.end(),
        [this](const Candidate& candidate) { return !fetch(candidate.version, candidate.range); });
    auto locked = state.lock();
    ++locked->stats.events;
    locked->stats.candidates += candidates.size();
    locked->stats.refused += static_cast<std::uint64_t>(refused);
  }
  return taken;
}

void Prefetcher::Parts::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      auto locked = state.lock();
      filled.wait(locked.mutex(), stop, [&] { return !locked->queue.empty(); });
    }
    step(stop);
  }
}

Prefetcher::Prefetcher(Fetch fetch, std::vector<std::unique_ptr<Expert>> experts,
                       const PrefetcherOptions& options)
    : parts_(
          std::make_unique<Parts>(std::move(fetch), std::move(experts), options.queue_events_max)) {
  if (!options.own_thread) return;
  parts_->thread =
      std::jthread([parts = parts_.get()](std::stop_token stop) { parts->run(std::move(stop)); });
}

Prefetcher::~Prefetcher() = default;

void Prefetcher::record(Event event) {
  {
    auto locked = parts_->state.lock();
    if (locked->queue.size() >= parts_->queue_events_max) {
      locked->queue.pop_front();
      ++locked->stats.events_dropped;
    }
    locked->queue.push_back(std::move(event));
  }
  parts_->filled.notify_one();
}

PrefetcherStats Prefetcher::stats() const { return parts_->state.lock()->stats; }

std::size_t Prefetcher::step() { return parts_->step({}); }

}  // namespace augurfs
