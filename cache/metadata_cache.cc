#include "cache/metadata_cache.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <string_view>
#include <utility>

namespace augurfs {
namespace {

// Ten years are for ever, and do not overflow when clocks subtract them.
constexpr std::chrono::milliseconds kTtlMax = std::chrono::hours{24 * 365 * 10};

// Enough for a name and what begins with it (`a`, `a-1`, `a.txt`) in most directories.
constexpr int kChildKeys = 32;

// A directory is listed by ranges when it is longer than this: then a wrong guess weighs little.
constexpr int kPagesByOne = 5;

std::string_view key_of(const ObjectInfo& object) { return object.version.key; }
std::string_view key_of(const std::string& prefix) { return prefix; }

// The store was not reached, or does not answer now: no answer to the question.
bool is_no_answer(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
}

Error contradiction(const std::string& prefix, std::string_view what) {
  return {ErrorCode::kCorrupt,
          "the listing of '" + prefix + "' is not one: the store answered " + std::string(what)};
}

// Whether the store answered what it was asked: keys below the prefix, cut at the delimiter.
Result<void> check(const ListPage& page, const std::string& prefix) {
  for (const ObjectInfo& object : page.objects) {
    const std::string& key = object.version.key;
    if (!key.starts_with(prefix) || key.find('/', prefix.size()) != std::string::npos) {
      return contradiction(prefix, "with the object '" + key + "'");
    }
  }
  for (const std::string& below : page.prefixes) {
    if (!below.starts_with(prefix) || below.find('/', prefix.size()) != below.size() - 1) {
      return contradiction(prefix, "with the prefix '" + below + "'");
    }
  }
  return {};
}

template <typename T>
bool in_order(const std::vector<T>& entries) {
  return std::adjacent_find(entries.begin(), entries.end(), [](const T& a, const T& b) {
           return key_of(a) >= key_of(b);
         }) == entries.end();
}

// Sorts, and of entries of one key keeps the last that came: it was asked for last.
template <typename T>
void put_in_order(std::vector<T>& entries) {
  if (in_order(entries)) return;
  std::stable_sort(entries.begin(), entries.end(),
                   [](const T& a, const T& b) { return key_of(a) < key_of(b); });
  const auto kept = std::unique(entries.rbegin(), entries.rend(),
                                [](const T& a, const T& b) { return key_of(a) == key_of(b); });
  entries.erase(entries.begin(), kept.base());
}

// What is kept for long has no room for more.
void put_in_order(Listing& listing) {
  put_in_order(listing.objects);
  put_in_order(listing.prefixes);
  listing.objects.shrink_to_fit();
  listing.prefixes.shrink_to_fit();
}

void append(DirectoryPage& page, ListPage more) {
  std::move(more.objects.begin(), more.objects.end(), std::back_inserter(page.listing.objects));
  std::move(more.prefixes.begin(), more.prefixes.end(), std::back_inserter(page.listing.prefixes));
  if (page.listing.left_out == 0) page.listing.left_out_example = std::move(more.left_out_example);
  page.listing.left_out += more.left_out;
  page.next = std::move(more.next);
  page.complete = page.next.empty();
}

std::string last_entry(const Listing& listing) {
  std::string last;
  if (!listing.objects.empty()) last = listing.objects.back().version.key;
  if (!listing.prefixes.empty()) last = std::max(last, listing.prefixes.back());
  return last;
}

// A key as the directory it lies in and its name there. The key of a directory marker, "a/", lies
// in "a/" and has no name: that is where its listing shows it.
struct Split {
  std::string prefix;
  std::string name;
};

Split split(const std::string& key) {
  const std::size_t slash = key.rfind('/');
  if (slash == std::string::npos) return {"", key};
  return {key.substr(0, slash + 1), key.substr(slash + 1)};
}

}  // namespace

MetadataCache::MetadataCache(const MetadataOptions& options, ObjectStore& store)
    : ttl_(std::clamp(options.ttl, std::chrono::milliseconds{0}, kTtlMax)),
      stale_while_revalidate_(std::min(options.stale_while_revalidate, kTtlMax)),
      stale_if_error_(std::min(options.stale_if_error, kTtlMax)),
      listing_entries_max_(options.listing_entries_max),
      now_(options.now),
      store_(store),
      file_(options.file),
      known_(MetadataTable(options.entries_max)) {
  if (!options.list_subtrees || ttl_.count() == 0 || !store.lists_subtrees()) return;
  constexpr std::uint64_t kOpenShare = 4;  // of what is kept, so that it is not all evicted
  TreeWalksOptions walks;
  walks.budget = options.budget;
  walks.open_entries_max =
      std::min<std::uint64_t>(options.listing_entries_max, options.entries_max / kOpenShare);
  walks.now = now_;
  walks_.emplace(walks, store, walkers_,
                 [this](std::vector<CutListing> listings) { put(std::move(listings)); });
}

void MetadataCache::put(const std::string& prefix, const Page& page) {
  known_.lock()->put_page(prefix, page);
  if (file_ != nullptr && page->complete) file_->keep(prefix, page);
}

void MetadataCache::put(std::vector<CutListing> listings) {
  for (CutListing& listing : listings) {
    put(listing.prefix, std::make_shared<const DirectoryPage>(std::move(listing.page)));
  }
}

void MetadataCache::recall(const std::string& prefix) {
  if (file_ == nullptr || known_.lock()->page(prefix, Time::min())) return;
  if (const Page page = file_->recall(prefix)) known_.lock()->put_page(prefix, page);
}

MetadataCache::Page MetadataCache::known_listing(const std::string& prefix, Time oldest) {
  return known_.lock()->listing(prefix, oldest);
}

std::optional<Child> MetadataCache::known_child(const std::string& prefix, const std::string& name,
                                                Time oldest) {
  auto facts = known_.lock()->child(prefix, name, oldest);
  if (!facts.complete()) return std::nullopt;
  return Child{std::move(*facts.object), *facts.is_prefix};
}

MetadataCache::Time MetadataCache::oldest_shown(Time now) const {
  const bool away = reach_.lock()->away.has_value();
  return oldest_believed(now) -
         (away ? std::max(stale_while_revalidate_, stale_if_error_) : stale_while_revalidate_);
}

void MetadataCache::set_unreachable() {
  const Time now = now_();
  auto reach = reach_.lock();
  if (!reach->away) reach->away = now;
  reach->ask_again = now + kAskAgain;
}

// What an answer of the store, or its absence, says of whether it can be reached.
void MetadataCache::reached(const std::optional<Error>& error) {
  if (stale_if_error_.count() == 0) return;
  if (error && is_no_answer(*error)) {
    set_unreachable();
  } else if (!error) {
    reach_.lock()->away.reset();
  }
}

void MetadataCache::shown_stale(const std::string& prefix, Time now,
                                std::function<void(std::stop_token)> renew) {
  const Page page = known_.lock()->page(prefix, Time::min());
  {
    auto reach = reach_.lock();
    ++reach->stale;
    if (page) {
      reach->stale_age = std::chrono::duration_cast<std::chrono::seconds>(now - page->asked);
    }
    if (reach->away) {
      if (now < reach->ask_again) return;
      reach->ask_again = now + kAskAgain;
    }
  }
  if (!renewing_.lock()->insert(prefix).second) return;
  const bool taken = renewers_.ask([this, prefix, renew = std::move(renew)](auto stop) {
    renew(stop);
    renewing_.lock()->erase(prefix);
  });
  if (!taken) renewing_.lock()->erase(prefix);
}

template <typename Ask, typename Old>
auto MetadataCache::ask_or_old(const Ask& ask, const Old& old) -> decltype(ask(Patience::kUsual)) {
  if (stale_if_error_.count() == 0) return ask(Patience::kUsual);
  const bool was_away = reach_.lock()->away.has_value();
  auto answer = ask(Patience::kHaste);
  if (answer || !is_no_answer(answer.error())) return answer;
  if (auto known = old()) return std::move(*known);
  return was_away ? answer : ask(Patience::kUsual);
}

Result<std::shared_ptr<const Listing>> MetadataCache::list(const std::string& prefix,
                                                           std::stop_token stop) {
  const Time now = now_();
  recall(prefix);
  Page page = known_listing(prefix, oldest_believed(now));
  if (!page && (page = known_listing(prefix, oldest_shown(now)))) {
    shown_stale(prefix, now, [this, prefix](const std::stop_token& until) {
      (void)fresh_listing(prefix, TreeWalks::Caller::kProgram, Patience::kHaste, until);
    });
    return std::shared_ptr<const Listing>(page, &page->listing);
  }
  const auto old = [&]() -> std::optional<Page> {
    Page known = known_listing(prefix, oldest_if_error(now));
    if (!known) return std::nullopt;
    shown_stale(prefix, now, [](const std::stop_token&) {});
    return known;
  };
  auto fresh = ask_or_old(
      [&](Patience patience) {
        return fresh_listing(prefix, TreeWalks::Caller::kProgram, patience, stop);
      },
      old);
  if (!fresh) return fresh.error();
  return std::shared_ptr<const Listing>(*fresh, &(*fresh)->listing);
}

Result<std::shared_ptr<const Listing>> MetadataCache::list_ahead(const std::string& prefix,
                                                                 std::stop_token stop) {
  recall(prefix);
  auto page = fresh_listing(prefix, TreeWalks::Caller::kAhead, Patience::kUsual, stop);
  if (!page) return page.error();
  return std::shared_ptr<const Listing>(*page, &(*page)->listing);
}

Result<MetadataCache::Page> MetadataCache::fresh_listing(const std::string& prefix,
                                                         TreeWalks::Caller caller,
                                                         Patience patience,
                                                         const std::stop_token& stop) {
  const Time now = now_();
  const auto known = [&] { return known_listing(prefix, oldest_believed(now)); };
  const Time oldest = std::max(oldest_believed(now), known_.lock()->doubted(prefix));
  const auto ask = [&]() -> Result<Page> {
    if (Page page = known()) return page;
    Result<Page> first = first_page(prefix, true, oldest, now, patience, stop);
    if (!first || (*first)->complete) return first;
    Result<DirectoryPage> all = complete(prefix, **first, patience, stop);
    if (!all) return all.error();
    Page page = std::make_shared<const DirectoryPage>(std::move(*all));
    put(prefix, page);
    return page;
  };
  Page page = known();
  if (walks_) {
    walks_->listed(prefix, page != nullptr, caller);
    for (std::size_t waits = 0; !page && walks_->wait(prefix, waits, caller, stop); ++waits) {
      page = known();
    }
  }
  if (page) return page;
  return listings_.run(prefix, oldest, now, stop, ask);
}

Result<Child> MetadataCache::lookup(const std::string& prefix, const std::string& name,
                                    std::stop_token stop) {
  if (name.find('/') != std::string::npos) {
    return Error{ErrorCode::kInvalid, "'" + name + "' is a path, not a name"};
  }
  const Time now = now_();
  recall(prefix);
  if (auto child = known_child(prefix, name, oldest_believed(now))) return std::move(*child);
  if (auto child = known_child(prefix, name, oldest_shown(now))) {
    shown_stale(prefix, now, [this, prefix, name](const std::stop_token& until) {
      // The first page of a large directory would take the place of all that is known of it.
      const Page known = known_.lock()->page(prefix, Time::min());
      if (known && known->complete && known->listing.objects.size() > kPageKeys) {
        (void)ask_for_child(prefix, name, now_(), Patience::kHaste, until);
      } else {
        (void)fresh_child(prefix, name, Patience::kHaste, until);
      }
    });
    return std::move(*child);
  }
  const auto old = [&] {
    auto child = known_child(prefix, name, oldest_if_error(now));
    if (child) shown_stale(prefix, now, [](const std::stop_token&) {});
    return child;
  };
  return ask_or_old([&](Patience patience) { return fresh_child(prefix, name, patience, stop); },
                    old);
}

Result<Child> MetadataCache::fresh_child(const std::string& prefix, const std::string& name,
                                         Patience patience, const std::stop_token& stop) {
  const Time now = now_();
  ChildFacts facts;
  bool in_known_directory = false;
  Time forgotten;
  {
    auto known = known_.lock();
    forgotten = known->forgotten(prefix, name);
    facts = known->child(prefix, name, oldest_believed(now));
    in_known_directory = known->page(prefix, oldest_believed(now)) != nullptr;
  }
  if (!facts.complete() && !in_known_directory) {
    const Result<Page> page = first_page(prefix, false, oldest_believed(now), now, patience, stop);
    if (!page) return page.error();
    facts = (*page)->child(prefix, name);
    if ((*page)->asked <= forgotten) facts.object.reset();
  }
  if (facts.complete()) return Child{std::move(*facts.object), *facts.is_prefix};
  if (facts.is_prefix) {
    auto object = attributes(prefix + name, stop);
    if (!object) return object.error();
    return Child{std::move(*object), *facts.is_prefix};
  }
  const auto ask = [&]() -> Result<Child> {
    const auto again = known_.lock()->child(prefix, name, oldest_believed(now));
    if (again.complete()) return Child{*again.object, *again.is_prefix};
    return ask_for_child(prefix, name, now, patience, stop);
  };
  return children_.run(prefix + name, oldest_believed(now), now, stop, ask);
}

Result<std::optional<ObjectInfo>> MetadataCache::attributes(const std::string& key,
                                                            std::stop_token stop) {
  const auto [prefix, name] = split(key);
  return head(prefix, name, stop);
}

void MetadataCache::forget(const std::string& key) {
  const auto [prefix, name] = split(key);
  known_.lock()->forget(prefix, name, now_());
  if (file_ != nullptr) file_->forget(prefix);
}

MetadataStats MetadataCache::stats() const {
  MetadataStats stats;
  if (walks_) {
    const TreeWalksStats walks = walks_->stats();
    stats.walk_pages = walks.pages;
    stats.walk_listings = walks.listings;
  }
  if (file_ != nullptr) stats.recalled = file_->stats().recalled;
  const Time now = now_();
  auto reach = reach_.lock();
  stats.stale = reach->stale;
  stats.stale_age = reach->stale_age;
  if (reach->away) {
    stats.unreachable = std::chrono::duration_cast<std::chrono::seconds>(now - *reach->away);
  }
  return stats;
}

Result<ListPage> MetadataCache::ask_for_page(const std::string& prefix,
                                             const std::string& continuation, int keys_max,
                                             Patience patience, const std::stop_token& stop) {
  ListRequest request;
  request.prefix = prefix;
  request.delimiter = "/";
  request.continuation = continuation;
  request.max_keys = keys_max;
  request.in_haste = patience == Patience::kHaste;
  for (int barren_pages = 0; barren_pages <= kBarrenPagesMax; ++barren_pages) {
    Result<ListPage> page = store_.list(request, stop);
    reached(page ? std::nullopt : std::optional<Error>(page.error()));
    if (!page) return page;
    if (const auto checked = check(*page, prefix); !checked) return checked.error();
    if (page->next.empty()) return page;
    if (page->next == request.continuation) {
      return contradiction(prefix, "page '" + page->next + "' as the one after itself");
    }
    if (!page->objects.empty() || !page->prefixes.empty()) return page;
    request.continuation = page->next;
  }
  return contradiction(prefix, "empty pages without end");
}

Result<MetadataCache::Page> MetadataCache::first_page(const std::string& prefix, bool to_go_on,
                                                      Time oldest, Time now, Patience patience,
                                                      const std::stop_token& stop) {
  const auto ask = [&]() -> Result<Page> {
    // Another's answer may have come between the caller's look and its turn to ask.
    const Page known = known_.lock()->page(prefix, oldest);
    if (known && (known->complete || !to_go_on)) return known;
    Result<ListPage> answer = ask_for_page(prefix, "", kPageKeys, patience, stop);
    if (!answer) return answer.error();
    const bool ordered = in_order(answer->objects) && in_order(answer->prefixes);
    DirectoryPage page;
    page.asked = now;
    append(page, std::move(*answer));
    if (!page.complete && !ordered) {
      // Out of order, a beginning says nothing of what may follow it.
      Result<DirectoryPage> all = complete(prefix, std::move(page), patience, stop);
      if (!all) return all.error();
      page = std::move(*all);
    }
    put_in_order(page.listing);
    if (!page.complete) page.covers = last_entry(page.listing);
    auto shared = std::make_shared<const DirectoryPage>(std::move(page));
    put(prefix, shared);
    return Page(std::move(shared));
  };
  return first_pages_.run(prefix, oldest, now, stop, ask);
}

Result<DirectoryPage> MetadataCache::complete(const std::string& prefix, DirectoryPage page,
                                              Patience patience, const std::stop_token& stop) {
  const auto ask_for_range = [&](const std::string& after,
                                 const std::string& continuation) -> Result<ListPage> {
    ListRequest request;
    request.prefix = prefix;
    request.delimiter = "/";
    request.start_after = continuation.empty() ? after : "";
    request.continuation = continuation;
    request.in_haste = patience == Patience::kHaste;
    Result<ListPage> answer = store_.list(request, stop);
    reached(answer ? std::nullopt : std::optional<Error>(answer.error()));
    if (!answer) return answer;
    if (const auto checked = check(*answer, prefix); !checked) return checked.error();
    return answer;
  };
  const auto too_many = [&] {
    return Error{ErrorCode::kNoSpace, "'" + prefix + "' holds more than " +
                                          std::to_string(listing_entries_max_) + " entries"};
  };
  bool by_ranges = walks_ && !page.listing.objects.empty() && in_order(page.listing.objects) &&
                   in_order(page.listing.prefixes);
  for (int pages = 1; !page.complete; ++pages) {
    if (by_ranges && pages == kPagesByOne) {
      auto rest = std::make_shared<RangeLister>(page.listing, page.next, listing_entries_max_,
                                                ask_for_range, listers_)
                      ->lead();
      if (!rest && rest.error().code == ErrorCode::kNoSpace) return too_many();
      if (!rest && (is_no_answer(rest.error()) || rest.error().code == ErrorCode::kCancelled)) {
        return rest.error();
      }
      // Any other error may be that of a guess, which the store refuses or answers out of order.
      if (rest) {
        for (ListPage& more : *rest) append(page, std::move(more));
        if (page.listing.objects.size() + page.listing.prefixes.size() > listing_entries_max_) {
          return too_many();
        }
        break;
      }
    }
    Result<ListPage> answer = ask_for_page(prefix, page.next, kPageKeys, patience, stop);
    if (!answer) return answer.error();
    append(page, std::move(*answer));
    if (page.listing.objects.size() + page.listing.prefixes.size() > listing_entries_max_) {
      return too_many();
    }
  }
  page.complete = true;
  page.next.clear();
  page.covers.clear();
  put_in_order(page.listing);
  return page;
}

Result<Child> MetadataCache::ask_for_child(const std::string& prefix, const std::string& name,
                                           Time asked, Patience patience,
                                           const std::stop_token& stop) {
  const std::string key = prefix + name;
  Result<ListPage> answer = ask_for_page(key, "", kChildKeys, patience, stop);
  if (!answer) return answer.error();

  // The key itself is the first of all that begin with it. `key/` may come after many siblings:
  // all of `key-...` and `key....` sort before it, and it has the question to itself then.
  Child child;
  for (ObjectInfo& object : answer->objects) {
    if (object.version.key == key) child.object = std::move(object);
  }
  const std::string below = key + "/";
  child.is_prefix =
      std::find(answer->prefixes.begin(), answer->prefixes.end(), below) != answer->prefixes.end();
  if (!child.is_prefix && !answer->next.empty()) {
    Result<ListPage> any = ask_for_page(below, "", 1, patience, stop);
    if (!any) return any.error();
    child.is_prefix = !any->objects.empty() || !any->prefixes.empty();
  }
  auto known = known_.lock();
  known->put_object(prefix, name, child.object, asked);
  known->put_is_prefix(prefix, name, child.is_prefix, asked);
  return child;
}

Result<std::optional<ObjectInfo>> MetadataCache::head(const std::string& prefix,
                                                      const std::string& name,
                                                      std::stop_token stop) {
  const Time now = now_();
  const std::string key = prefix + name;
  Time oldest;
  {
    auto known = known_.lock();
    auto facts = known->child(prefix, name, oldest_believed(now));
    if (facts.object) return std::move(*facts.object);
    // An answer that was on its way when the object was forgotten would be the forgotten one.
    oldest = std::max(oldest_believed(now), known->forgotten(prefix, name));
  }
  const auto ask = [&]() -> Result<std::optional<ObjectInfo>> {
    auto facts = known_.lock()->child(prefix, name, oldest_believed(now));
    if (facts.object) return std::move(*facts.object);
    const Result<ObjectInfo> answer = store_.head(key, stop);
    reached(answer ? std::nullopt : std::optional<Error>(answer.error()));
    if (!answer && answer.error().code != ErrorCode::kNotFound) return answer.error();
    auto object = answer ? std::optional<ObjectInfo>(*answer) : std::nullopt;
    known_.lock()->put_object(prefix, name, object, now);
    return object;
  };
  return objects_.run(key, oldest, now, stop, ask);
}

}  // namespace augurfs
