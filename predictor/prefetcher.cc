#include "predictor/prefetcher.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>

#include "remote/guarded.h"

namespace augurfs {
namespace {

// What the catalog is told: a version, or the listing of a directory.
struct News {
  Version version;
  std::string prefix;
  std::shared_ptr<const Listing> listing;  // null: it is about the version
};

}  // namespace

struct Prefetcher::Parts {
  struct State {
    std::deque<Event> events;
    std::deque<News> news;
    PrefetcherStats stats;
  };

  Parts(Fetch fetch_, std::vector<std::unique_ptr<Expert>> experts_,
        const PrefetcherOptions& options)
      : fetch(std::move(fetch_)),
        experts(std::move(experts_)),
        catalog(options.catalog_objects_max),
        queue_events_max(std::max<std::size_t>(options.queue_events_max, 1)) {}

  void tell(News item);

  void run(std::stop_token stop);
  std::size_t step(std::stop_token stop);

  const Fetch fetch;
  // Touched only by the thread, or by step() when there is none.
  const std::vector<std::unique_ptr<Expert>> experts;
  Catalog catalog;
  std::vector<Candidate> candidates;
  const std::size_t queue_events_max;
  std::condition_variable_any filled;
  Guarded<State> state;
  std::jthread thread;  // last: it ends before what it uses
};

void Prefetcher::Parts::tell(News item) {
  auto locked = state.lock();
  if (locked->news.size() >= queue_events_max) {
    locked->news.pop_front();
    ++locked->stats.news_dropped;
  }
  locked->news.push_back(std::move(item));
}

// Leaves the rest of the queue when asked to stop: hints for a mount that ends are worth nothing.
std::size_t Prefetcher::Parts::step(std::stop_token stop) {
  std::deque<Event> events;
  std::deque<News> news;
  {
    auto locked = state.lock();
    std::swap(events, locked->events);
    std::swap(news, locked->news);
  }
  for (const News& item : news) {
    if (item.listing == nullptr) {
      catalog.see(item.version);
    } else {
      catalog.list(item.prefix, item.listing->objects);
    }
  }
  std::size_t taken = 0;
  for (const Event& event : events) {
    if (stop.stop_requested()) break;
    ++taken;
    catalog.use(event.object);
    candidates.clear();
    for (const auto& expert : experts) expert->observe(event, catalog, candidates);
    std::uint64_t unknown = 0;
    std::uint64_t refused = 0;
    for (const Candidate& candidate : candidates) {
      const Version* version = catalog.version(candidate.object);
      if (version == nullptr) {
        ++unknown;
      } else if (!fetch(*version, candidate.range)) {
        ++refused;
      }
    }
    auto locked = state.lock();
    ++locked->stats.events;
    locked->stats.candidates += candidates.size();
    locked->stats.unknown += unknown;
    locked->stats.refused += refused;
  }
  return taken;
}

void Prefetcher::Parts::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      auto locked = state.lock();
      filled.wait(locked.mutex(), stop, [&] { return !locked->events.empty(); });
    }
    step(stop);
  }
}

Prefetcher::Prefetcher(Fetch fetch, std::vector<std::unique_ptr<Expert>> experts,
                       const PrefetcherOptions& options)
    : parts_(std::make_unique<Parts>(std::move(fetch), std::move(experts), options)) {
  if (!options.own_thread) return;
  parts_->thread =
      std::jthread([parts = parts_.get()](std::stop_token stop) { parts->run(std::move(stop)); });
}

Prefetcher::~Prefetcher() = default;

void Prefetcher::see(const Version& version) { parts_->tell({version, {}, nullptr}); }

void Prefetcher::list(const std::string& prefix, std::shared_ptr<const Listing> listing) {
  if (listing != nullptr) parts_->tell({{}, prefix, std::move(listing)});
}

void Prefetcher::record(const Event& event) {
  {
    auto locked = parts_->state.lock();
    if (locked->events.size() >= parts_->queue_events_max) {
      locked->events.pop_front();
      ++locked->stats.events_dropped;
    }
    locked->events.push_back(event);
  }
  parts_->filled.notify_one();
}

PrefetcherStats Prefetcher::stats() const { return parts_->state.lock()->stats; }

std::size_t Prefetcher::step() { return parts_->step({}); }

}  // namespace augurfs
