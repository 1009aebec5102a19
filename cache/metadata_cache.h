#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include "cache/listing_file.h"
#include "cache/metadata_table.h"
#include "cache/prefetch_budget.h"
#include "cache/range_lister.h"
#include "cache/single_flight.h"
#include "cache/tree_walks.h"
#include "cache/worker_pool.h"
#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

struct MetadataOptions {
  std::chrono::milliseconds ttl{60'000};  // 0: believe nothing, ask each time
  std::uint64_t entries_max = 1'000'000;  // attributes + listing entries kept in memory
  // A longer listing is an error; it would take about 200 bytes of memory per entry.
  std::size_t listing_entries_max = 10'000'000;
  bool list_subtrees = true;         // ahead of who walks a tree, see TreeWalks
  PrefetchBudget* budget = nullptr;  // borrowed; charged for what is listed ahead; null: none
  ListingFile* file = nullptr;       // borrowed; null: nothing outlives me
  // What is older than the time to live by no more than this is shown at once and asked for anew
  // behind the scenes; or is shown when the store does not answer. 0: never.
  std::chrono::milliseconds stale_while_revalidate{0};
  std::chrono::milliseconds stale_if_error{0};
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

// Since the cache was opened. Measured.
struct MetadataStats {
  std::uint64_t walk_pages = 0;                     // asked for ahead of who walks a tree
  std::uint64_t walk_listings = 0;                  // of directories, that these completed
  std::uint64_t recalled = 0;                       // listings that were found on disk
  std::uint64_t stale = 0;                          // answers older than the time to live
  std::chrono::seconds stale_age{};                 // of the latest such answer
  std::optional<std::chrono::seconds> unreachable;  // since when the store does not answer
};

// What a name below a prefix is. Both may be present: the keys `a` and `a/b` can coexist.
struct Child {
  std::optional<ObjectInfo> object;  // the key prefix + name
  bool is_prefix = false;            // some key starts with prefix + name + "/"
};

// Attributes and listings, each believed for the time to live from when it was asked for,
// absences included. A prefix that was listed answers for its children without a request. One
// round trip, the first page of its listing, answers a lookup in a prefix that was not; only in a
// prefix of more than a page do names beyond it take requests of their own (one, or two where many
// keys begin with the name).
//
// What memory does not hold is looked for on disk, where whole listings are kept with the time at
// which they were asked for. With `stale_if_error` a store that does not answer is asked in haste,
// and, once it has not answered, behind the scenes alone: who asks is told what was known, and for
// what was not known the error, soon.
//
// A listing is what the store said page by page: an object that came or went between two pages
// may be in it or not. Stores that repeat an entry or answer out of order are put right by sorting;
// a key outside the prefix asked for is kCorrupt.
//
// Thread rule: any thread; calls block, and a request for the same thing is made once however many
// ask. `store` is borrowed and outlives me. Errors are the store's and are not remembered.
class MetadataCache {
 public:
  MetadataCache(const MetadataOptions& options, ObjectStore& store);
  MetadataCache(const MetadataCache&) = delete;
  MetadataCache& operator=(const MetadataCache&) = delete;

  // The children of `prefix` ("" or ending in "/"). kNoSpace when they are too many to hold.
  Result<std::shared_ptr<const Listing>> list(const std::string& prefix, std::stop_token stop);

  // The same for who lists ahead of others: what a walk of theirs will bring is waited for.
  Result<std::shared_ptr<const Listing>> list_ahead(const std::string& prefix,
                                                    std::stop_token stop);

  // One child of `prefix`; neither object nor prefix set when there is no such thing. The empty
  // name is the object whose key is the prefix itself, a directory marker.
  Result<Child> lookup(const std::string& prefix, const std::string& name, std::stop_token stop);

  // The object of this key as of at most one time to live ago; nullopt when there is none.
  Result<std::optional<ObjectInfo>> attributes(const std::string& key, std::stop_token stop);

  MetadataStats stats() const;
  // The store was found not to answer, before there was anything to ask me.
  void set_unreachable();

  // Forgets what is known of the object `key`, so that the next question about it, or for the
  // listing that holds it, goes to the store. For a reader that found a version to be stale.
  void forget(const std::string& key);

 private:
  static constexpr std::size_t kRenewers = 2;
  // How long a store that does not answer is left alone.
  static constexpr std::chrono::seconds kAskAgain{5};

  using Time = std::chrono::steady_clock::time_point;
  using Page = std::shared_ptr<const DirectoryPage>;

  // What was asked for at or before this is not believed at `now`.
  Time oldest_believed(Time now) const { return now - ttl_; }
  enum class Patience : bool { kUsual, kHaste };
  struct Reach {
    std::optional<Time> away;  // since when the store does not answer
    Time ask_again;
    std::uint64_t stale = 0;
    std::chrono::seconds stale_age{};
  };

  // Knows of the directory what memory or the disk knows.
  void recall(const std::string& prefix);
  Page known_listing(const std::string& prefix, Time oldest);
  std::optional<Child> known_child(const std::string& prefix, const std::string& name, Time oldest);
  void put(std::vector<CutListing> listings);
  void put(const std::string& prefix, const Page& page);
  // What may be shown without asking: older than believed, and asked for anew.
  Time oldest_shown(Time now) const;
  Time oldest_if_error(Time now) const { return oldest_believed(now) - stale_if_error_; }
  void shown_stale(const std::string& prefix, Time now, std::function<void(std::stop_token)> renew);
  // Asks; when the store does not answer, what `old` knows will do.
  template <typename Ask, typename Old>
  auto ask_or_old(const Ask& ask, const Old& old) -> decltype(ask(Patience::kUsual));
  void reached(const std::optional<Error>& error);

  Result<Page> fresh_listing(const std::string& prefix, TreeWalks::Caller caller, Patience patience,
                             const std::stop_token& stop);
  Result<Child> fresh_child(const std::string& prefix, const std::string& name, Patience patience,
                            const std::stop_token& stop);
  // One page that holds entries, unless it is the last.
  Result<ListPage> ask_for_page(const std::string& prefix, const std::string& continuation,
                                int keys_max, Patience patience, const std::stop_token& stop);
  // The beginning of a listing, asked for after `oldest`. Whoever goes on from it wants one that
  // was asked for just now (`to_go_on`): where a store goes on may be forgotten there by and by.
  Result<Page> first_page(const std::string& prefix, bool to_go_on, Time oldest, Time now,
                          Patience patience, const std::stop_token& stop);
  // `page` with the pages that follow it.
  Result<DirectoryPage> complete(const std::string& prefix, DirectoryPage page, Patience patience,
                                 const std::stop_token& stop);
  Result<Child> ask_for_child(const std::string& prefix, const std::string& name, Time asked,
                              Patience patience, const std::stop_token& stop);
  Result<std::optional<ObjectInfo>> head(const std::string& prefix, const std::string& name,
                                         std::stop_token stop);

  const std::chrono::milliseconds ttl_;
  const std::chrono::milliseconds stale_while_revalidate_;
  const std::chrono::milliseconds stale_if_error_;
  const std::size_t listing_entries_max_;
  const std::function<Time()> now_;
  ObjectStore& store_;
  ListingFile* const file_;  // may be null
  Guarded<MetadataTable> known_;
  Guarded<Reach> reach_;
  // Questions under way, by prefix or key.
  SingleFlight<Page> first_pages_;
  SingleFlight<Page> listings_;
  SingleFlight<Child> children_;
  SingleFlight<std::optional<ObjectInfo>> objects_;
  std::optional<TreeWalks> walks_;
  Guarded<std::unordered_set<std::string>> renewing_;
  // Last: they end before what they use. Who renews may wait for the page of a walk, or lead the
  // listing of a large directory. Each walk finds a walker free, whatever else is listed: a page
  // that is waited for is on its way.
  WorkerPool walkers_{TreeWalks::kWalksMax};
  WorkerPool listers_{RangeLister::kHelpersMax};
  WorkerPool renewers_{kRenewers};
};

}  // namespace augurfs
