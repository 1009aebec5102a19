#include "remote/s3_address.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "remote/percent_encoding.h"

namespace augurfs {
namespace {

// Whether the wildcard in a certificate for *.s3.amazonaws.com covers it, and DNS knows it.
bool is_host_label(std::string_view bucket) {
  constexpr std::size_t kLabelBytesMax = 63;
  return bucket.size() <= kLabelBytesMax && std::all_of(bucket.begin(), bucket.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// A name, an IPv4 address or an IPv6 address in brackets; then perhaps a port.
bool is_host_and_port(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const std::string_view port = host.substr(colon + 1);
    unsigned short number = 0;
    const auto [end, error] = std::from_chars(port.begin(), port.end(), number);
    if (port.empty() || error != std::errc{} || end != port.end() || number == 0) return false;
    host = host.substr(0, colon);
  }
  return !host.empty() && host.find_first_of("/?#@ \t\r\n") == std::string_view::npos;
}

std::string aws_host(const std::string& region) {
  const std::string host = "s3." + region + ".amazonaws.com";
  return region.starts_with("cn-") ? host + ".cn" : host;
}

}  // namespace

Result<S3Address> S3Address::open(const std::string& bucket, const StoreOptions& options) {
  S3Address address;
  address.bucket_ = bucket;
  address.path_style_ =
      options.path_style.value_or(!options.endpoint.empty() || !is_host_label(bucket));
  if (options.endpoint.empty()) return address;
  std::string_view endpoint = options.endpoint;
  const std::size_t scheme_end = endpoint.find("://");
  if (scheme_end != std::string_view::npos) {
    address.scheme_ = endpoint.substr(0, scheme_end);
    endpoint.remove_prefix(scheme_end + 3);
  }
  if (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  address.host_ = endpoint;
  if (scheme_end == std::string_view::npos ||
      (address.scheme_ != "http" && address.scheme_ != "https") ||
      !is_host_and_port(address.host_)) {
    // Not repeated when it may hold a password.
    const bool has_user = options.endpoint.find('@') != std::string::npos;
    return Error{ErrorCode::kInvalid,
                 "remote.endpoint: " +
                     (has_user ? std::string("user and password have no place here")
                               : "'" + options.endpoint + "' is not an endpoint") +
                     "; write http://host:port or https://host"};
  }
  // The Host header has no port where it is the scheme's own, and the Host header is signed.
  const std::string_view own_port = address.scheme_ == "http" ? ":80" : ":443";
  if (address.host_.ends_with(own_port)) {
    address.host_.resize(address.host_.size() - own_port.size());
  }
  return address;
}

std::string S3Address::url(const std::string& region, const std::string& key,
                           const S3Query& query) const {
  const std::string host = host_.empty() ? aws_host(region) : host_;
  std::string url = scheme_ + "://";
  if (path_style_) {
    url += host + "/" + percent_encode(bucket_);
    if (!key.empty()) url += "/" + percent_encode_path(key);
  } else {
    url += bucket_ + "." + host + "/" + percent_encode_path(key);
  }
  char separator = '?';
  for (const auto& [name, value] : query) {
    url += separator + percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  return url;
}

std::string S3Address::identity() const {
  return "s3+" + scheme_ + "://" + (host_.empty() ? "s3.amazonaws.com" : host_) + "/" + bucket_;
}

}  // namespace augurfs
