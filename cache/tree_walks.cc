#include "cache/tree_walks.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace augurfs {
namespace {

constexpr unsigned kLeapsMax = 16;  // misses double with each, so this is for ever

std::string_view parent_of(std::string_view prefix) {
  const std::size_t slash = prefix.rfind('/', prefix.size() - 2);
  return prefix.size() < 2 || slash == std::string_view::npos ? std::string_view()
                                                              : prefix.substr(0, slash + 1);
}

}  // namespace

TreeWalks::TreeWalks(const TreeWalksOptions& options, ObjectStore& store, WorkerPool& workers,
                     Put put)
    : options_(options), store_(store), workers_(workers), put_(std::move(put)) {}

std::shared_ptr<TreeWalks::Walk> TreeWalks::find(const State& state, const std::string& prefix) {
  std::shared_ptr<Walk> best;
  for (const auto& walk : state.walks) {
    if (walk->covers(prefix) && (!best || walk->root.size() > best->root.size())) best = walk;
  }
  return best;
}

// The smallest subtree in which enough was listed lately, from the first of what was on.
std::shared_ptr<TreeWalks::Walk> TreeWalks::recognise(State& state, const std::string& prefix,
                                                      Time now) const {
  std::string_view root = prefix;
  std::string_view first = prefix;
  std::size_t listed = 0;
  while (!root.empty() && listed < kListedMin) {
    root = parent_of(root);
    first = prefix;
    listed = 0;
    for (auto seen = state.seen.rbegin(); seen != state.seen.rend() && listed < kListedMin;
         ++seen) {
      if (!seen->prefix.starts_with(root)) continue;
      ++listed;
      if (seen->prefix.size() > root.size())
        first = std::min<std::string_view>(first, seen->prefix);
    }
  }
  if (listed < kListedMin) return nullptr;
  if (state.walks.size() >= kWalksMax) {
    const auto oldest =
        std::min_element(state.walks.begin(), state.walks.end(),
                         [](const auto& a, const auto& b) { return a->last_use < b->last_use; });
    if ((*oldest)->asking) return nullptr;
    state.walks.erase(oldest);
  }
  auto walk =
      std::make_shared<Walk>(std::string(root), std::string(first), options_.open_entries_max);
  walk->last_use = now;
  state.walks.push_back(walk);
  return walk;
}

void TreeWalks::restart(Walk& walk, const std::string& after) const {
  walk.after = walk.last = after;
  walk.next.clear();
  walk.ends.clear();
  walk.ahead_max = 1;
  walk.misses = 0;
  walk.cutter = ListingCutter(walk.root, after, options_.open_entries_max);
}

// The program is at `prefix`. Whether another page is to be asked for.
bool TreeWalks::advance(Walk& walk, const std::string& prefix, bool known) const {
  while (!walk.ends.empty() && walk.ends.front() < prefix) walk.ends.pop_front();
  if (known && prefix > walk.after && prefix <= walk.last) {
    walk.ahead_max = std::min(walk.ahead_max + 1, kPagesAheadMax);
    walk.leaps = 0;
  }
  if (walk.asking) return false;
  if (walk.ends.size() < walk.ahead_max && (known || prefix <= walk.last)) return true;
  if (known) return false;
  if (walk.is_inside(prefix)) return walk.leaps == 0 && prefix > walk.after;
  if (prefix < walk.last) return false;
  return leap(walk, prefix);
}

// Goes on where the program is, but for one that has no use for it ever more seldom.
bool TreeWalks::leap(Walk& walk, const std::string& prefix) const {
  if (walk.leaps > 0 && ++walk.misses < (1U << walk.leaps)) return false;
  walk.leaps = std::min(walk.leaps + 1, kLeapsMax);
  restart(walk, prefix);
  return true;
}

void TreeWalks::listed(const std::string& prefix, bool known, Caller caller) {
  const Time now = options_.now();
  std::shared_ptr<Walk> to_run;
  {
    auto state = state_.lock();
    std::erase_if(state->seen, [&](const Seen& seen) {
      return seen.prefix == prefix || now - seen.time > kPause;
    });
    state->seen.push_back({prefix, now});
    if (state->seen.size() > kSeenMax) state->seen.pop_front();
    std::erase_if(state->walks,
                  [&](const auto& walk) { return !walk->asking && now - walk->last_use > kPause; });
    auto walk = find(*state, prefix);
    if (walk && caller == Caller::kProgram) {
      walk->last_use = now;
      if (!walk->over && advance(*walk, prefix, known)) to_run = walk;
    } else if (!walk && !known) {
      to_run = recognise(*state, prefix, now);
    }
    if (!to_run) return;
    to_run->asking = true;
  }
  if (workers_.ask([this, to_run](const std::stop_token& stop) { run(to_run, stop); })) return;
  const auto state = state_.lock();
  to_run->asking = false;
  changed_.notify_all();
}

bool TreeWalks::wait(const std::string& prefix, std::size_t waits, Caller caller,
                     const std::stop_token& stop) {
  auto state = state_.lock();
  const auto walk = find(*state, prefix);
  if (!walk || !walk->asking || prefix <= walk->after) return false;
  const bool is_inside = walk->is_inside(prefix);
  if (prefix < walk->last && !is_inside) return false;
  if (waits > 0 && caller == Caller::kProgram) {
    if (!is_inside) walk->leap_to = prefix;
    if (!is_inside || walk->last.find('/', prefix.size()) != std::string::npos) return false;
  }
  const std::uint64_t pages = walk->pages;
  return changed_.wait(state.mutex(), stop, [&] { return !walk->asking || walk->pages != pages; });
}

void TreeWalks::run(const std::shared_ptr<Walk>& walk, const std::stop_token& stop) {
  while (step(*walk, stop)) {
  }
}

// Asks for a page; false when no other is to follow for now.
bool TreeWalks::step(Walk& walk, const std::stop_token& stop) {
  ListRequest request;
  {
    auto state = state_.lock();
    request.prefix = walk.root;
    request.continuation = walk.next;
    if (walk.next.empty()) request.start_after = walk.after;
  }
  const Time asked = options_.now();
  const bool may_ask = options_.budget == nullptr || options_.budget->charge({0, 1});
  Result<ListPage> page = may_ask ? store_.list(request, stop)
                                  : Result<ListPage>(Error{ErrorCode::kNoSpace, "no budget"});
  std::vector<CutListing> complete;
  const bool usable = page && walk.cutter.add(*page, asked, complete);
  const std::size_t listings = complete.size();
  put_(std::move(complete));
  auto state = state_.lock();
  if (may_ask) ++state->stats.pages;
  state->stats.listings += listings;
  ++walk.pages;
  walk.over = !usable;
  if (usable) {
    walk.last = walk.cutter.last();
    walk.next = std::move(page->next);
    walk.ends.push_back(walk.last);
    // All of it was listed: whatever is asked for from now on is another walk.
    if (walk.next.empty())
      std::erase_if(state->walks, [&](const auto& w) { return w.get() == &walk; });
  }
  walk.asking = usable && !walk.next.empty() && walk.ends.size() < walk.ahead_max;
  if (const std::string leap_to = std::exchange(walk.leap_to, {});
      walk.asking && leap_to > walk.last) {
    walk.asking = leap(walk, leap_to);
  }
  changed_.notify_all();
  return walk.asking;
}

}  // namespace augurfs
