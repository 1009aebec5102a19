#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "remote/object_store.h"

namespace augurfs {

// Everything directly below a prefix, in the order of bytes. Immutable, shared by its users.
struct Listing {
  std::vector<ObjectInfo> objects;
  std::vector<std::string> prefixes;
};

// What a name below a prefix is. Both may be present: the keys `a` and `a/b` can coexist.
struct Child {
  std::optional<ObjectInfo> object;  // the key prefix + name
  bool is_prefix = false;            // some key starts with prefix + name + "/"
};

// Attributes and listings, each believed for the time to live, absences included. A prefix that
// was listed answers for its children without a request; one round trip answers a lookup in a
// prefix that was not.
//
// Thread rule: any thread; a request for the same thing is made once however many ask.
// Errors are the store's and are not remembered.
class MetadataCache {
 public:
  struct Parts;
  explicit MetadataCache(std::unique_ptr<Parts> parts);
  MetadataCache(const MetadataCache&) = delete;
  MetadataCache& operator=(const MetadataCache&) = delete;
  ~MetadataCache();

  // The children of `prefix` ("" or ending in "/").
  Result<std::shared_ptr<const Listing>> list(const std::string& prefix, std::stop_token stop);

  // One child of `prefix`; neither object nor prefix set when there is no such thing.
  Result<Child> lookup(const std::string& prefix, const std::string& name, std::stop_token stop);

  // The object of this key as of at most one time to live ago; nullopt when there is none.
  Result<std::optional<ObjectInfo>> attributes(const std::string& key, std::stop_token stop);

  // Forgets what is known of `key`, so that the next question goes to the store. For a reader
  // that found a version to be stale.
  void forget(const std::string& key);

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
