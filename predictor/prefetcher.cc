#include "predictor/prefetcher.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <unordered_map>
#include <utility>

#include "predictor/event_queue.h"
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
    std::deque<News> news;
    std::unordered_map<std::uint64_t, std::string> programs;
    PrefetcherStats stats;
  };

  Parts(Fetch fetch_, std::vector<std::unique_ptr<Expert>> experts_,
        const PrefetcherOptions& options)
      : fetch(std::move(fetch_)),
        experts(std::move(experts_)),
        catalog(options.catalog_objects_max),
        news_max(std::max<std::size_t>(options.queue_events_max, 1)),
        queue(options.queue_events_max) {}

  void tell(News item);

  void run(std::stop_token stop);
  std::size_t step(const std::stop_token& stop);
  void learn_news();
  void think(const Event& event, PrefetcherStats& counts);

  const Fetch fetch;
  // Touched only by the thread, or by step() when there is none.
  const std::vector<std::unique_ptr<Expert>> experts;
  Catalog catalog;
  std::vector<Candidate> candidates;
  const std::size_t news_max;
  EventQueue queue;
  Guarded<State> state;
  std::jthread thread;  // last: it ends before what it uses
};

void Prefetcher::Parts::tell(News item) {
  auto locked = state.lock();
  if (locked->news.size() >= news_max) {
    locked->news.pop_front();
    ++locked->stats.news_dropped;
  }
  locked->news.push_back(std::move(item));
}

void Prefetcher::Parts::learn_news() {
  std::deque<News> news;
  std::swap(news, state.lock()->news);
  for (const News& item : news) {
    if (item.listing == nullptr) {
      catalog.see(item.version);
    } else {
      catalog.list(item.prefix, item.listing->objects);
    }
  }
}

void Prefetcher::Parts::think(const Event& event, PrefetcherStats& counts) {
  catalog.use(event.object);
  candidates.clear();
  for (const auto& expert : experts) expert->observe(event, catalog, candidates);
  ++counts.events;
  counts.candidates += candidates.size();
  for (const Candidate& candidate : candidates) {
    const Version* version = catalog.version(candidate.object);
    if (version == nullptr) {
      ++counts.unknown;
    } else if (!fetch(*version, candidate.range)) {
      ++counts.refused;
    }
  }
}

// Leaves the rest of the queue when asked to stop: hints for a mount that ends are worth nothing.
std::size_t Prefetcher::Parts::step(const std::stop_token& stop) {
  std::size_t taken = 0;
  Event event;
  while (!stop.stop_requested() && queue.take(event)) {
    learn_news();  // what was told before the event is there by now
    PrefetcherStats counts;
    think(event, counts);
    ++taken;
    auto locked = state.lock();
    locked->stats.events += counts.events;
    locked->stats.candidates += counts.candidates;
    locked->stats.unknown += counts.unknown;
    locked->stats.refused += counts.refused;
  }
  return taken;
}

void Prefetcher::Parts::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    queue.wait(stop);
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

void Prefetcher::name_program(std::uint64_t program, std::string_view path) {
  auto locked = parts_->state.lock();
  if (locked->programs.size() >= kProgramsMax) return;
  locked->programs.try_emplace(program, path);
}

void Prefetcher::record(const Event& event) { parts_->queue.push(event); }

PrefetcherStats Prefetcher::stats() const {
  PrefetcherStats stats = parts_->state.lock()->stats;
  stats.events_dropped = parts_->queue.counts().dropped;
  return stats;
}

std::size_t Prefetcher::step() { return parts_->step({}); }

}  // namespace augurfs
