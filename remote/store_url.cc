#include "remote/store_url.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

namespace augurfs {
namespace {

constexpr std::string_view kExamples = "a store is s3://bucket/prefix or file:///directory";

// What S3 and those who speak it allow. AWS itself knows only lower case and 63 bytes for buckets
// made since 2018, but older ones and Ceph's may have capitals, '_' and 255 bytes.
constexpr std::size_t kBucketBytesMin = 3;
constexpr std::size_t kBucketBytesMax = 255;
constexpr std::size_t kKeyBytesMax = 1024;

struct QueryKey {
  std::string_view name;
  double min;
  double max;
};
// A minute and a terabit: beyond them it is a typing error.
constexpr std::array kQueryKeys{QueryKey{"round_trip_ms", 0, 60'000},
                                QueryKey{"mbit", .001, 1'000'000}};

Error invalid(const std::string& message) { return {ErrorCode::kInvalid, message}; }

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_bucket_name(std::string_view name) {
  return name.size() >= kBucketBytesMin && name.size() <= kBucketBytesMax &&
         is_letter_or_digit(name.front()) && is_letter_or_digit(name.back()) &&
         name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_';
         });
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string plain(double number) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} ? std::string(text.data(), end) : std::string();
}

Result<StoreUrl> parse_s3(std::string_view rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view bucket = rest.substr(0, slash);
  std::string prefix(slash == std::string_view::npos ? "" : rest.substr(slash + 1));
  if (bucket.empty())
    return invalid("s3:// names no bucket; write s3://bucket or s3://bucket/prefix");
  // A secret may hold a '/' and end what looks like the bucket there.
  if (bucket.find('@') != std::string_view::npos ||
      (bucket.find(':') != std::string_view::npos && rest.find('@') != std::string_view::npos)) {
    // Not repeated: what stands before the '@' is likely a secret.
    return invalid(
        "credentials do not belong in a URL, where every user of this machine can see them; put "
        "them in ~/.aws/credentials or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }
  if (rest.find('?') != std::string_view::npos) {
    return invalid(
        "s3:// takes no '?' options; set the region, endpoint and the like in the "
        "configuration, for example --set remote.region=eu-central-1; where the '?' is part of a "
        "prefix, mount a prefix above it");
  }
  if (!is_bucket_name(bucket)) {
    return invalid(
        "'" + std::string(bucket) +
        "' cannot be a bucket: 3 to 255 letters, digits, '-', '.' and '_', with a letter "
        "or digit first and last");
  }
  if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
  if (prefix.size() > kKeyBytesMax) {
    return invalid("a prefix has at most " + std::to_string(kKeyBytesMax) + " bytes");
  }
  StoreUrl url;
  url.scheme = StoreUrl::Scheme::kS3;
  url.bucket = bucket;
  url.prefix = std::move(prefix);
  return url;
}

Result<void> parse_parameter(std::string_view parameter, StoreUrl& url) {
  const std::size_t equals = parameter.find('=');
  const std::string name(parameter.substr(0, equals));
  const std::string value(equals == std::string_view::npos ? "" : parameter.substr(equals + 1));
  const auto* const known = std::find_if(kQueryKeys.begin(), kQueryKeys.end(),
                                         [&](const QueryKey& key) { return key.name == name; });
  if (known == kQueryKeys.end()) {
    return invalid(
        "file:// knows no option '" + name +
        "'; it takes round_trip_ms and mbit: file:///directory?round_trip_ms=30&mbit=200");
  }
  const std::optional<double> number = parse_number(value);
  if (!number || *number < known->min || *number > known->max) {
    return invalid(name + "=" + value + ": expected a number from " + plain(known->min) + " to " +
                   plain(known->max));
  }
  if (!url.query.emplace(name, value).second) return invalid(name + " is given twice");
  return {};
}

Result<StoreUrl> parse_file(std::string_view rest) {
  const std::size_t question = rest.find('?');
  std::string_view directory = rest.substr(0, question);
  std::string_view query = question == std::string_view::npos ? "" : rest.substr(question + 1);
  if (!directory.starts_with('/')) {
    return invalid("file://" + std::string(directory) +
                   " is not absolute; write file:///directory with three slashes");
  }
  while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
  StoreUrl url;
  url.scheme = StoreUrl::Scheme::kFile;
  url.directory = directory;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    if (auto parsed = parse_parameter(query.substr(0, end), url); !parsed) return parsed.error();
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return url;
}

Error unknown_scheme(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon != std::string_view::npos) {
    std::string scheme(text.substr(0, colon));
    const std::string message = "unknown scheme '" + scheme + "'";
    std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (scheme == "s3a" || scheme == "s3n") scheme = "s3";
    // The rest of the text is not repeated: it may hold credentials.
    if (scheme == "s3" || scheme == "file") return invalid(message + "; write " + scheme + "://");
    return invalid(message + "; " + std::string(kExamples));
  }
  if (text.starts_with('/')) {
    return invalid("'" + std::string(text) + "' has no scheme; write file://" + std::string(text));
  }
  return invalid("'" + std::string(text) + "' has no scheme; " + std::string(kExamples));
}

}  // namespace

std::optional<double> StoreUrl::number(const std::string& key) const {
  const auto found = query.find(key);
  return found == query.end() ? std::nullopt : parse_number(found->second);
}

std::string StoreUrl::to_string() const {
  if (scheme == Scheme::kS3) return "s3://" + bucket + (prefix.empty() ? "" : "/" + prefix);
  std::string text = "file://" + directory;
  char separator = '?';
  for (const auto& [name, value] : query) {
    text.append(1, separator).append(name).append("=").append(value);
    separator = '&';
  }
  return text;
}

Result<StoreUrl> parse_store_url(std::string_view text) {
  if (text.empty()) return invalid("the URL is empty; " + std::string(kExamples));
  if (text.find('\0') != std::string_view::npos) return invalid("a URL holds no NUL byte");
  if (text.starts_with("s3://")) return parse_s3(text.substr(5));
  if (text.starts_with("file://")) return parse_file(text.substr(7));
  return unknown_scheme(text);
}

}  // namespace augurfs
