#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "remote/object_store.h"
#include "remote/store_url.h"

namespace augurfs {

// How to reach a store. The defaults are those of the documented options (fs/options.h).
struct StoreOptions {
  std::string endpoint;            // empty: AWS. "http://host:port" or "https://host"
  std::string region;              // empty: AWS_REGION, then the profile, then us-east-1
  std::optional<bool> path_style;  // unset: path style with an endpoint, virtual host on AWS
  std::string profile;             // empty: AWS_PROFILE, then "default"
  bool anonymous = false;
  bool requester_pays = false;
  std::string ca_bundle;           // PEM file; empty: the system's
  std::string client_certificate;  // PEM file for mutual TLS
  std::string client_key;          // PEM file
  int max_connections = 32;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{10'000};  // no byte for this long: retry
  std::chrono::milliseconds deadline{120'000};      // one operation with all its retries
  int max_attempts = 10;
};

// Opens the store that `url` names. Does no I/O beyond reading credentials files; the first
// request tells whether the bucket can be reached. The store may outlive `url` and `options`.
Result<std::unique_ptr<ObjectStore>> open_store(const StoreUrl& url, const StoreOptions& options);

}  // namespace augurfs
