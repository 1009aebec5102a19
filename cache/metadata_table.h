#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "remote/object_store.h"

namespace augurfs {

// Everything directly below a prefix, in the order of bytes. Immutable, shared by its users.
struct Listing {
  std::vector<ObjectInfo> objects;
  std::vector<std::string> prefixes;
  std::uint64_t left_out = 0;  // see ListPage
  std::string left_out_example;
};

// What is known of one child: absent optionals are not known.
struct ChildFacts {
  std::optional<std::optional<ObjectInfo>> object;
  std::optional<bool> is_prefix;

  bool complete() const { return object.has_value() && is_prefix.has_value(); }
};

// A listing, or as much of its beginning as one request brought.
struct DirectoryPage {
  Listing listing;
  bool complete = false;
  std::string covers;  // of an incomplete page: every entry up to this one is in it
  std::string next;    // of an incomplete page: where the store goes on
  std::chrono::steady_clock::time_point asked;

  ChildFacts child(const std::string& prefix, const std::string& name) const;
};

// What was learned of prefixes and their children, and when it was asked for. Of two answers to
// one question the one asked for later holds. What exceeds `entries_max` goes, whole prefixes at
// a time, the one not used for the longest first.
//
// Thread rule: none; the owner guards it. Takes times, knows no clock. "Fresh" is: asked for
// after `oldest`.
class MetadataTable {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit MetadataTable(std::uint64_t entries_max) : entries_max_(entries_max) {}

  ChildFacts child(const std::string& prefix, const std::string& name, Time oldest);
  // The fresh page of a prefix, complete or not; null when there is none.
  std::shared_ptr<const DirectoryPage> page(const std::string& prefix, Time oldest);
  // The same when it is complete and nothing learned since contradicts it.
  std::shared_ptr<const DirectoryPage> listing(const std::string& prefix, Time oldest);
  // A listing asked for at or before this is known to be out of date.
  Time doubted(const std::string& prefix) const;
  // An answer about the object asked for at or before this has been forgotten.
  Time forgotten(const std::string& prefix, const std::string& name) const;

  void put_page(const std::string& prefix, std::shared_ptr<const DirectoryPage> page);
  void put_object(const std::string& prefix, const std::string& name,
                  std::optional<ObjectInfo> object, Time asked);
  void put_is_prefix(const std::string& prefix, const std::string& name, bool is_prefix,
                     Time asked);
  // The object is unknown until somebody asks after `now`.
  void forget(const std::string& prefix, const std::string& name, Time now);

  std::uint64_t entries() const { return entries_; }

 private:
  template <typename T>
  struct Fact {
    Time asked = Time::min();
    std::optional<T> value;  // nothing: forgotten
  };
  struct Facts {
    Fact<std::optional<ObjectInfo>> object;
    Fact<bool> is_prefix;
  };
  struct Directory {
    std::shared_ptr<const DirectoryPage> page;
    Time doubted = Time::min();  // when something was asked that contradicts the page
    std::unordered_map<std::string, Facts> facts;
    std::list<const std::string*>::iterator use;
  };

  static std::uint64_t cost(const Directory& directory);
  // Finds it and counts this as a use; null when nothing is known.
  Directory* find(const std::string& prefix);
  Directory& find_or_add(const std::string& prefix);
  Facts& facts_of(Directory& directory, const std::string& name);
  void evict_to_bound();

  const std::uint64_t entries_max_;
  std::uint64_t entries_ = 0;  // sum of the costs
  std::unordered_map<std::string, Directory> directories_;
  std::list<const std::string*> uses_;  // prefixes, the latest used first
};

}  // namespace augurfs
