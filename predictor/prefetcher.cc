#include "predictor/prefetcher.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <unordered_map>
#include <utility>

#include "cache/worker_pool.h"
#include "predictor/event_queue.h"
#include "remote/guarded.h"

namespace augurfs {
namespace {

// Who knows what is read later than that knows nothing.
constexpr std::chrono::nanoseconds kExpectedInMax = std::chrono::hours{24};

constexpr std::size_t kWorkers = 8;

// What the catalog is told: a version, or the listing of a directory.
struct News {
  Version version;
  std::string prefix;
  std::shared_ptr<const Listing> listing;  // null: it is about the version
};

}  // namespace

struct Prefetcher::Parts {
  using Clock = std::chrono::steady_clock;

  struct State {
    std::deque<News> news;
    std::deque<Candidate> hints;
    std::unordered_map<std::uint64_t, std::string> programs;
    PrefetcherStats stats;
  };

  Parts(Fetch fetch_, std::vector<std::unique_ptr<Expert>> experts_,
        const PrefetcherOptions& options)
      : fetch(std::move(fetch_)),
        experts(std::move(experts_)),
        catalog(options.catalog_objects_max),
        history(options.history),
        ledger(options.ledger),
        budget(options.budget),
        find(options.find),
        list(options.list),
        shadow(options.shadow),
        in_shadow(options.in_shadow && options.shadow != nullptr),
        paused_until(options.paused_until),
        news_max(std::max<std::size_t>(options.queue_events_max, 1)),
        queue(options.queue_events_max) {
    if (find || list) workers.emplace(kWorkers);
    if (!options.brain) return;
    SupervisorOptions life = *options.brain;
    past = life.past;
    life.wanted = options.paused_until != kForGood;
    brain = std::make_unique<Supervisor>(std::move(life),
                                         [this](std::span<const Candidate> hints) { hint(hints); });
  }

  void tell(News item);
  void hint(std::span<const Candidate> hints);

  void run(std::stop_token stop);
  std::size_t step(const std::stop_token& stop);
  void learn_news();
  std::string program_name(std::uint64_t program);
  void remember(const Event& event);
  Foreseen foreseen(const Version& version, const Candidate& candidate);
  bool may_ask();
  bool look_up(const Candidate& candidate);
  bool ask_listing(const std::string& prefix, const Candidate& candidate);
  void found(const std::string& prefix, const Candidate& candidate,
             std::shared_ptr<const Listing> listing);
  void fetch_all(std::span<const Candidate> candidates, PrefetcherStats& counts);
  void take_hints();
  void count(const PrefetcherStats& counts);
  void think(const Event& event, PrefetcherStats& counts);
  void judge(const Event& event) const;

  const Fetch fetch;
  // Touched only by the thread, or by step() when there is none.
  const std::vector<std::unique_ptr<Expert>> experts;
  Catalog catalog;
  std::vector<Candidate> candidates;
  History* const history;
  HintLedger* const ledger;
  PrefetchBudget* const budget;
  const FindObject find;
  const ListDirectory list;
  Shadow* const shadow;
  std::atomic<bool> in_shadow;
  std::atomic<Clock::time_point> paused_until;
  const std::size_t news_max;
  EventQueue queue;
  Guarded<State> state;
  Recollection* past = nullptr;       // may be null
  std::optional<WorkerPool> workers;  // who ask the store for names
  std::unique_ptr<Supervisor> brain;  // may be null
  std::jthread thread;                // last: it ends before what it uses
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
      catalog.list(item.prefix, item.listing->objects, item.listing->prefixes);
    }
  }
}

void Prefetcher::Parts::hint(std::span<const Candidate> hints) {
  {
    auto locked = state.lock();
    locked->hints.insert(locked->hints.end(), hints.begin(), hints.end());
    while (locked->hints.size() > news_max) {
      locked->hints.pop_front();
      ++locked->stats.hints_dropped;
    }
  }
  queue.rouse();
}

// "" when not known.
std::string Prefetcher::Parts::program_name(std::uint64_t program) {
  auto locked = state.lock();
  const auto found = locked->programs.find(program);
  return found == locked->programs.end() ? std::string() : found->second;
}

// What is not known by name any more is not worth being remembered.
void Prefetcher::Parts::remember(const Event& event) {
  const Version* version = catalog.version(event.object);
  const std::string* path = version != nullptr ? &version->key : catalog.prefix(event.object);
  if (path != nullptr) history->add(event, *path, program_name(event.program));
}

Foreseen Prefetcher::Parts::foreseen(const Version& version, const Candidate& candidate) {
  Foreseen out;
  if (ledger != nullptr) {
    out.account = ledger->account(candidate.expert, program_name(candidate.program),
                                  directory_prefix(version.key));
  }
  out.probability = candidate.probability;
  // What a brain says may be anything.
  out.due =
      Clock::now() + std::clamp(candidate.expected_in, std::chrono::nanoseconds{0}, kExpectedInMax);
  return out;
}

// One request more, for what is only worth it when something can be fetched then. What is known
// already takes no request, and is charged all the same.
bool Prefetcher::Parts::may_ask() {
  return budget == nullptr || (!budget->exhausted() && budget->charge({0, 1}));
}

// An object of which only an earlier mount knows.
bool Prefetcher::Parts::look_up(const Candidate& candidate) {
  if (!find || past == nullptr) return false;
  auto key = past->key(candidate.object);
  if (!key || !may_ask()) return false;
  return workers->ask([this, key = std::move(*key), candidate](const std::stop_token& stop) {
    const auto version = find(key, stop);
    if (!version || !*version) return;
    tell({**version, {}, nullptr});
    hint({&candidate, 1});
  });
}

// A listing is a round trip in which its children cannot be fetched, as nobody knows of them. One
// that fails is forgotten: who asks for the directory finds out for itself.
bool Prefetcher::Parts::ask_listing(const std::string& prefix, const Candidate& candidate) {
  if (!list || !may_ask()) return false;
  return workers->ask([this, prefix, candidate](const std::stop_token& stop) {
    auto listing = list(prefix, stop);
    if (listing) found(prefix, candidate, std::move(*listing));
  });
}

void Prefetcher::Parts::found(const std::string& prefix, const Candidate& candidate,
                              std::shared_ptr<const Listing> listing) {
  tell({{}, prefix, std::move(listing)});
  Event event;
  event.time = Clock::now();
  event.operation = Operation::kListedAhead;
  event.stream = candidate.stream;
  event.program = candidate.program;
  event.object = object_id(prefix);
  queue.push(event);
}

// The one way into the cache, for candidates of the experts and of the brain.
void Prefetcher::Parts::fetch_all(std::span<const Candidate> wanted, PrefetcherStats& counts) {
  if (wanted.empty()) return;
  counts.candidates += wanted.size();
  // In this order, so that nothing is fetched on the way from the shadow to a pause.
  const bool shadowed = in_shadow;
  const bool paused = Clock::now() < paused_until.load();
  for (const Candidate& candidate : wanted) {
    const bool listing = candidate.is_listing();
    const Version* version = listing ? nullptr : catalog.version(candidate.object);
    const std::string* prefix = listing ? catalog.prefix(candidate.object) : nullptr;
    if (listing) ++counts.listings;
    if (paused || (shadowed && version == nullptr)) {
      ++counts.withheld;
    } else if (listing && prefix == nullptr) {
      ++counts.unknown;
    } else if (listing) {
      if (!ask_listing(*prefix, candidate)) ++counts.refused;
    } else if (version == nullptr) {
      ++(look_up(candidate) ? counts.looked_up : counts.unknown);
    } else {
      const Foreseen said = foreseen(*version, candidate);
      const bool taken = shadowed ? shadow->prefetch(*version, candidate.range, said)
                                  : fetch(*version, candidate.range, said);
      if (!taken) ++counts.refused;
    }
  }
}

void Prefetcher::Parts::take_hints() {
  std::deque<Candidate> hints;
  std::swap(hints, state.lock()->hints);
  if (hints.empty()) return;
  learn_news();  // who hints may have told just now what it is about
  PrefetcherStats counts;
  candidates.assign(hints.begin(), hints.end());
  fetch_all(candidates, counts);
  count(counts);
}

void Prefetcher::Parts::count(const PrefetcherStats& counts) {
  auto locked = state.lock();
  locked->stats.events += counts.events;
  locked->stats.candidates += counts.candidates;
  locked->stats.listings += counts.listings;
  locked->stats.unknown += counts.unknown;
  locked->stats.looked_up += counts.looked_up;
  locked->stats.refused += counts.refused;
  locked->stats.withheld += counts.withheld;
}

// What was fetched ahead in the shadow shows its worth.
void Prefetcher::Parts::judge(const Event& event) const {
  const Version* version = catalog.version(event.object);
  if (event.operation == Operation::kServed) {
    shadow->waited(event.latency);
  } else if (event.operation == Operation::kRead && version != nullptr) {
    shadow->read(*version, event.range, event.time);
  }
}

// What flies for this event flies before others are told of it.
void Prefetcher::Parts::think(const Event& event, PrefetcherStats& counts) {
  if (in_shadow) judge(event);
  catalog.use(event.object);
  candidates.clear();
  for (const auto& expert : experts) expert->observe(event, catalog, candidates);
  for (Candidate& candidate : candidates) {
    candidate.program = event.program;
    candidate.stream = event.stream;
  }
  fetch_all(candidates, counts);
  if (brain != nullptr) brain->tell(event, catalog);
  const bool is_access = event.operation != Operation::kListedAhead;
  if (history != nullptr && is_access) remember(event);
  ++counts.events;
}

// Leaves the rest of the queue when asked to stop: hints for a mount that ends are worth nothing.
std::size_t Prefetcher::Parts::step(const std::stop_token& stop) {
  std::size_t taken = 0;
  Event event;
  while (!stop.stop_requested()) {
    take_hints();
    if (!queue.take(event)) break;
    learn_news();  // what was told before the event is there by now
    PrefetcherStats counts;
    think(event, counts);
    ++taken;
    count(counts);
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

void Prefetcher::hint(std::span<const Candidate> hints) { parts_->hint(hints); }

PrefetcherStats Prefetcher::stats() const {
  // Before the events that were thought about, so that one on its way is not overlooked.
  const EventQueueCounts counts = parts_->queue.counts();
  PrefetcherStats stats = parts_->state.lock()->stats;
  stats.events_dropped = counts.dropped;
  stats.events_waiting = counts.entered - std::min(counts.entered, stats.events + counts.dropped);
  if (parts_->brain != nullptr) stats.brain = parts_->brain->stats();
  return stats;
}

void Prefetcher::pause_until(std::chrono::steady_clock::time_point time) {
  parts_->paused_until = time;
  if (parts_->brain != nullptr) parts_->brain->want(time != kForGood);
}

std::chrono::steady_clock::time_point Prefetcher::paused_until() const {
  return parts_->paused_until;
}

void Prefetcher::learn_anew() {
  if (parts_->past != nullptr) parts_->past->forget();
  if (parts_->brain != nullptr) parts_->brain->begin_anew();
}

void Prefetcher::set_shadow(bool in_shadow) {
  parts_->in_shadow = in_shadow && parts_->shadow != nullptr;
  if (!in_shadow && parts_->shadow != nullptr) parts_->shadow->end();
}

bool Prefetcher::in_shadow() const { return parts_->in_shadow; }

std::size_t Prefetcher::step() { return parts_->step({}); }

}  // namespace augurfs
