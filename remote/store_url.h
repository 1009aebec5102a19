#pragma once

#include <map>
#include <string>
#include <string_view>

#include "remote/result.h"

namespace augurfs {

// s3://bucket/prefix, or file:///directory?round_trip_ms=30&mbit=200.
struct StoreUrl {
  enum class Scheme { kS3, kFile };

  Scheme scheme = Scheme::kS3;
  std::string bucket;     // s3 only
  std::string prefix;     // s3 only: "" or ends in "/"
  std::string directory;  // file only: absolute
  std::map<std::string, std::string> query;

  // The URL as a person would write it; never holds a secret.
  std::string to_string() const;
};

// kInvalid with what is wrong and an example when `text` is not such a URL.
Result<StoreUrl> parse_store_url(std::string_view text);

}  // namespace augurfs
