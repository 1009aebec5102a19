#include "cache/range_lister.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace augurfs {
namespace {

// Of a page, or of what was listed already.
template <typename T>
std::string last_of(const T& entries) {
  std::string last;
  if (!entries.objects.empty()) last = entries.objects.back().version.key;
  if (!entries.prefixes.empty()) last = std::max(last, entries.prefixes.back());
  return last;
}

// Whether the page goes on from `position`, in order. A prefix may hold the position.
bool goes_on(const ListPage& page, const std::string& position) {
  const std::string* before = &position;
  for (const ObjectInfo& object : page.objects) {
    if (object.version.key <= *before) return false;
    before = &object.version.key;
  }
  before = nullptr;
  for (const std::string& prefix : page.prefixes) {
    if (before == nullptr ? prefix <= position && !position.starts_with(prefix)
                          : prefix <= *before) {
      return false;
    }
    before = &prefix;
  }
  return true;
}

// What belongs to another range.
void cut(ListPage& page, const std::string& until) {
  std::erase_if(page.objects, [&](const auto& object) { return object.version.key > until; });
  std::erase_if(page.prefixes, [&](const auto& prefix) { return prefix > until; });
}

}  // namespace

RangeLister::RangeLister(const Listing& begun, std::string next, std::size_t entries_max, Ask ask,
                         WorkerPool& workers)
    : space_(begun.objects), entries_max_(entries_max), ask_(std::move(ask)), workers_(workers) {
  auto state = state_.lock();
  Range& range = state->ranges[""];
  range.position = last_of(begun);
  range.next = std::move(next);
  state->unfinished = 1;
  state->pages = begun.objects.size() / kPageKeys;
}

Result<std::vector<ListPage>> RangeLister::lead() {
  Range* range = &state_.lock()->ranges.begin()->second;
  invite();
  while (range != nullptr) {
    list(*range);
    range = nullptr;
    auto state = state_.lock();
    changed_.wait(state.mutex(),
                  [&] { return state->over() || (range = split(*state)) != nullptr; });
  }
  auto state = state_.lock();
  // A range whose owner is asking still is waited for also after an error: it uses what is the
  // caller's.
  changed_.wait(state.mutex(), [&] { return state->unfinished == 0; });
  if (state->error) return *state->error;
  std::vector<ListPage> pages;
  for (auto& [after, part] : state->ranges) {
    std::move(part.pages.begin(), part.pages.end(), std::back_inserter(pages));
  }
  return pages;
}

// Asks for one more helper, when there may be something for it. One that finds it asks for the
// next.
void RangeLister::invite() {
  {
    auto state = state_.lock();
    if (state->helpers == kHelpersMax || !state->may_split()) return;
    ++state->helpers;
  }
  if (workers_.ask([self = shared_from_this()](const std::stop_token&) { self->help(); })) return;
  --state_.lock()->helpers;
}

// One range, and no waiting for one: the worker has others to help.
void RangeLister::help() {
  Range* range = nullptr;
  {
    auto state = state_.lock();
    range = split(*state);
    if (range == nullptr) {
      --state->helpers;
      return;
    }
  }
  invite();
  list(*range);
  --state_.lock()->helpers;
  invite();
}

// Not when too much was guessed already: of a short listing less, that a wrong guess weighs little.
bool RangeLister::State::may_split() const {
  return !over() && splits < std::min(kSplits, 1 + pages / 2) + pages / kPagesASplit;
}

// The further half of the largest range; null when there is none now.
RangeLister::Range* RangeLister::split(State& state) const {
  if (!state.may_split()) return nullptr;
  Range* largest = nullptr;
  double width_max = 0;
  std::string middle;
  for (auto& [after, range] : state.ranges) {
    if (range.split_off || range.next.empty()) continue;
    const auto begin = space_.place(range.position);
    const auto end = range.until ? space_.place(*range.until) : std::optional<double>(1);
    if (!begin || !end || *end - *begin <= width_max) continue;
    std::string guess = space_.key_at((*begin + *end) / 2);
    if (guess <= range.position || (range.until && guess >= *range.until)) continue;
    largest = &range;
    width_max = *end - *begin;
    middle = std::move(guess);
  }
  if (largest == nullptr) return nullptr;
  Range further;
  further.position = middle;
  further.until = std::exchange(largest->until, middle);
  further.split_off = true;
  ++state.splits;
  ++state.unfinished;
  return &state.ranges.emplace(middle, std::move(further)).first->second;
}

void RangeLister::list(Range& range) {
  while (true) {
    std::string after;
    std::string next;
    {
      auto state = state_.lock();
      after = range.position;
      next = range.next;
    }
    auto page = ask_(after, next);
    {
      auto state = state_.lock();
      const bool more = take(*state, range, std::move(page));
      if (!more) --state->unfinished;
      changed_.notify_all();
      if (!more) return;
    }
    invite();
  }
}

// Whether there is more to be had of this range.
bool RangeLister::take(State& state, Range& range, Result<ListPage> page) const {
  const bool is_barren = page && page->objects.empty() && page->prefixes.empty();
  if (page &&
      (!goes_on(*page, range.position) || (is_barren && ++range.barren > kBarrenPagesMax))) {
    page = Error{ErrorCode::kCorrupt, "the store lists out of order"};
  }
  if (!page) {
    if (!state.error) state.error = page.error();
    range.next.clear();
    return false;
  }
  ++state.pages;
  range.split_off = false;
  range.position = std::max(range.position, last_of(*page));
  range.next = std::move(page->next);
  page->next.clear();
  if (range.until) {
    if (range.position >= *range.until) range.next.clear();
    cut(*page, *range.until);
  }
  state.entries += page->objects.size() + page->prefixes.size();
  range.pages.push_back(std::move(*page));
  if (state.entries > entries_max_ && !state.error) {
    state.error = Error{ErrorCode::kNoSpace, "too many entries"};
  }
  if (state.error) range.next.clear();
  return !range.next.empty();
}

}  // namespace augurfs
