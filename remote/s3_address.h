#pragma once

#include <string>
#include <utility>
#include <vector>

#include "remote/open_store.h"
#include "remote/result.h"

namespace augurfs {

using S3Query = std::vector<std::pair<std::string, std::string>>;  // not yet encoded

// Where a bucket is reached. A value.
class S3Address {
 public:
  // kInvalid, saying how an endpoint is written, when that of `options` is not.
  static Result<S3Address> open(const std::string& bucket, const StoreOptions& options);

  // "" is the key of the bucket itself. `region` chooses the server when AWS was not given an
  // endpoint.
  std::string url(const std::string& region, const std::string& key, const S3Query& query) const;

  // The bucket and its endpoint, whatever the region and the style of the URL.
  std::string identity() const;

 private:
  std::string bucket_;
  std::string scheme_ = "https";
  std::string host_;  // with its port; empty: AWS
  bool path_style_ = false;
};

}  // namespace augurfs
