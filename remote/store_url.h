#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "remote/result.h"

namespace augurfs {

// s3://bucket/prefix, or file:///directory?round_trip_ms=30&mbit=200.
//
// Nothing is percent-decoded: a prefix or directory is what a person sees in a listing, spaces and
// all. Only file:// knows a query; a '?' in the prefix of an s3:// URL belongs to the prefix.
struct StoreUrl {
  enum class Scheme { kS3, kFile };

  Scheme scheme = Scheme::kS3;
  std::string bucket;     // s3 only
  std::string prefix;     // s3 only: "" or ends in "/"
  std::string directory;  // file only: absolute
  // file only: round_trip_ms delays each request, mbit bounds the bandwidth of all together.
  std::map<std::string, std::string> query;

  // The value of a query key, which parse_store_url() has checked; nullopt when it is not there.
  std::optional<double> number(const std::string& key) const;

  // The URL as a person would write it; never holds a secret.
  std::string to_string() const;
};

// kInvalid with what is wrong and an example when `text` is not such a URL.
Result<StoreUrl> parse_store_url(std::string_view text);

}  // namespace augurfs
