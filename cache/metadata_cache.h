#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "cache/metadata_table.h"
#include "cache/single_flight.h"
#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

struct MetadataOptions {
  std::chrono::milliseconds ttl{60'000};  // 0: believe nothing, ask each time
  std::uint64_t entries_max = 1'000'000;  // attributes + listing entries kept in memory
  // A longer listing is an error; it would take about 200 bytes of memory per entry.
  std::size_t listing_entries_max = 10'000'000;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
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

  // One child of `prefix`; neither object nor prefix set when there is no such thing. The empty
  // name is the object whose key is the prefix itself, a directory marker.
  Result<Child> lookup(const std::string& prefix, const std::string& name, std::stop_token stop);

  // The object of this key as of at most one time to live ago; nullopt when there is none.
  Result<std::optional<ObjectInfo>> attributes(const std::string& key, std::stop_token stop);

  // Forgets what is known of the object `key`, so that the next question about it, or for the
  // listing that holds it, goes to the store. For a reader that found a version to be stale.
  void forget(const std::string& key);

 private:
  using Time = std::chrono::steady_clock::time_point;
  using Page = std::shared_ptr<const DirectoryPage>;

  // What was asked for at or before this is not believed at `now`.
  Time oldest_believed(Time now) const { return now - ttl_; }
  // One page that holds entries, unless it is the last.
  Result<ListPage> ask_for_page(const std::string& prefix, const std::string& continuation,
                                int keys_max, std::stop_token stop);
  // The beginning of a listing, asked for after `oldest`. Whoever goes on from it wants one that
  // was asked for just now (`to_go_on`): where a store goes on may be forgotten there by and by.
  Result<Page> first_page(const std::string& prefix, bool to_go_on, Time oldest, Time now,
                          std::stop_token stop);
  // `page` with the pages that follow it.
  Result<DirectoryPage> complete(const std::string& prefix, DirectoryPage page,
                                 std::stop_token stop);
  Result<Child> ask_for_child(const std::string& prefix, const std::string& name, Time asked,
                              std::stop_token stop);
  Result<std::optional<ObjectInfo>> head(const std::string& prefix, const std::string& name,
                                         std::stop_token stop);

  const std::chrono::milliseconds ttl_;
  const std::size_t listing_entries_max_;
  const std::function<Time()> now_;
  ObjectStore& store_;
  Guarded<MetadataTable> known_;
  // Questions under way, by prefix or key.
  SingleFlight<Page> first_pages_;
  SingleFlight<Page> listings_;
  SingleFlight<Child> children_;
  SingleFlight<std::optional<ObjectInfo>> objects_;
};

}  // namespace augurfs
