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

RangeLister::RangeLister(const Listing& begun, std::string next, std::size_t entries_max, Ask ask)
    : space_(begun.objects), entries_max_(entries_max), ask_(std::move(ask)) {
  auto state = state_.lock();
  Range& range = state->ranges[""];
  range.position = last_of(begun);
  range.next = std::move(next);
  state->unfinished = 1;
  state->pages = begun.objects.size() / kPageKeys;
}

Result<std::vector<ListPage>> RangeLister::lead() {
  Range* own = &state_.lock()->ranges.begin()->second;
  list(*own);
  help();
  auto state = state_.lock();
  // A range whose owner is asking still is waited for also after an error: it uses what is the
  // caller's.
  changed_.wait(state.mutex(), [&] { return state->unfinished == 0; });
  if (state->error) return *state->error;
  std::vector<ListPage> pages;
  for (auto& [after, range] : state->ranges) {
    std::move(range.pages.begin(), range.pages.end(), std::back_inserter(pages));
  }
  return pages;
}

void RangeLister::help() {
  while (true) {
    Range* range = nullptr;
    {
      auto state = state_.lock();
      changed_.wait(state.mutex(),
                    [&] { return state->over() || (range = split(*state)) != nullptr; });
      if (range == nullptr) return;
    }
    list(*range);
  }
}

// The further half of the largest range; null when there is none, or too much was guessed already.
RangeLister::Range* RangeLister::split(State& state) const {
  // Of a short listing fewer, that a wrong guess weighs little.
  const std::size_t splits_max = std::min(kSplits, 1 + state.pages / 2);
  if (state.splits >= splits_max + state.pages / kPagesASplit) return nullptr;
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
    auto state = state_.lock();
    const bool more = take(*state, range, std::move(page));
    if (!more) --state->unfinished;
    changed_.notify_all();
    if (!more) return;
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
