#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "remote/result.h"

namespace augurfs {

// One immutable content of one key. Everything that caches bytes is keyed by a Version, so a
// change of the object is a change of key.
struct Version {
  std::string key;   // the full key in the bucket
  std::string etag;  // opaque, without the quotes of HTTP
  std::uint64_t size = 0;

  bool operator==(const Version&) const = default;
};

struct ObjectInfo {
  Version version;
  // Whole seconds: HEAD knows no more, and an mtime must not depend on how it was learned.
  std::chrono::sys_seconds modified;
};

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct ListRequest {
  std::string prefix;
  std::string delimiter;     // "" lists every key below the prefix, "/" one level
  std::string start_after;   // only keys after this one, in the order of their bytes
  std::string continuation;  // ListPage::next of the page before; empty for the first
  int max_keys = 1000;       // upper bound for objects + prefixes of one page
  bool in_haste = false;     // a person waits: few retries, and seconds rather than minutes
};

// One page, objects and prefixes each in the order of their bytes.
struct ListPage {
  std::vector<ObjectInfo> objects;
  std::vector<std::string> prefixes;  // with a delimiter: each ends in it
  std::string next;                   // empty: this was the last page
  // Names met on the way that stand for no object, such as a symlink of a file:// store.
  std::uint64_t left_out = 0;
  std::string left_out_example;
};

// Takes the bytes of a get() in order, on the thread that called get(). Returning false ends the
// transfer with kCancelled.
using ByteSink = std::function<bool(std::span<const std::byte>)>;

// What a store did since it was opened. Measured, monotonic.
struct StoreStats {
  std::uint64_t requests = 0;        // attempts sent, retries included
  std::uint64_t retries = 0;         // attempts after the first
  std::uint64_t errors = 0;          // operations that failed; absent or cancelled is no failure
  std::uint64_t bytes_received = 0;  // body bytes
};

// A bucket. Calls block; retries, timeouts and deadlines live inside. Every method may be called
// from any number of threads at once. A stop request ends a call soon with kCancelled.
// Errors name the bucket, the key, and what the server said.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // kNotFound when there is no such key.
  virtual Result<ObjectInfo> head(const std::string& key, std::stop_token stop) = 0;

  virtual Result<ListPage> list(const ListRequest& request, std::stop_token stop) = 0;

  // Whether a listing without delimiter costs what its pages cost, and a page about a round trip.
  virtual bool lists_subtrees() const { return true; }

  // Feeds exactly `range` of exactly `version` to `sink`, each byte once whatever was retried.
  // kStale when the object is another version by now, or is gone: bytes of two versions are never
  // mixed, and who holds a version knows that there was an object.
  // `range` lies inside the version; an empty range makes no request. On an error the sink may
  // have seen a correct prefix of the range.
  virtual Result<void> get(const Version& version, ByteRange range, const ByteSink& sink,
                           std::stop_token stop) = 0;

  // Scheme, endpoint and bucket: says whose objects these are. Never holds a secret.
  virtual std::string identity() const = 0;

  virtual StoreStats stats() const = 0;
};

}  // namespace augurfs
