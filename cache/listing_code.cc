#include "cache/listing_code.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <utility>

namespace augurfs {
namespace {

constexpr unsigned kBits = 7;  // of a number, in each byte but for its highest bit
constexpr unsigned char kMore = 0x80;
constexpr std::string_view kHexDigits = "0123456789abcdef";

bool is_hex(std::string_view text) {
  return text.size() % 2 == 0 && text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

class Writer {
 public:
  void number(std::uint64_t value) {
    for (; value >= kMore; value >>= kBits) bytes_ += static_cast<char>(value | kMore);
    bytes_ += static_cast<char>(value);
  }
  void difference(std::int64_t value) {
    number((std::bit_cast<std::uint64_t>(value) << 1) ^ std::bit_cast<std::uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  void key(std::string_view before, std::string_view key) {
    const auto [end, _] = std::mismatch(before.begin(), before.end(), key.begin(), key.end());
    const auto common = static_cast<std::size_t>(end - before.begin());
    number(common);
    text(key.substr(common));
  }
  // An MD5 in hexadecimal takes half of its digits.
  void etag(std::string_view value) {
    if (!is_hex(value)) {
      number(value.size() * 2 + 1);
      bytes_ += value;
      return;
    }
    number(value.size());  // even
    for (std::size_t i = 0; i < value.size(); i += 2) {
      bytes_ += static_cast<char>(kHexDigits.find(value[i]) << 4 | kHexDigits.find(value[i + 1]));
    }
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Says no to whatever the bytes do not hold, and to all that follows.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += kBits) {
      if (left_.empty()) break;
      const auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & (kMore - 1)) << shift;
      if ((byte & kMore) == 0) return value;
    }
    good_ = false;
    return 0;
  }
  std::int64_t difference() {
    const std::uint64_t value = number();
    return std::bit_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  std::string_view bytes(std::uint64_t count) {
    if (count > left_.size()) {
      good_ = false;
      return {};
    }
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }
  std::string key(const std::string& before) {
    const std::uint64_t common = number();
    if (common > before.size()) good_ = false;
    if (!good_) return {};
    return before.substr(0, common).append(bytes(number()));
  }
  std::string etag() {
    const std::uint64_t size = number();
    if (size % 2 == 1) return std::string(bytes(size / 2));
    std::string out;
    for (const char byte : bytes(size / 2)) {
      const auto value = static_cast<unsigned char>(byte);
      out += kHexDigits[value >> 4];
      out += kHexDigits[value & 0xf];
    }
    return out;
  }
  bool good() const { return good_; }
  bool at_end() const { return good_ && left_.empty(); }

 private:
  std::string_view left_;
  bool good_ = true;
};

}  // namespace

std::string encode_listing(const std::string& prefix, const Listing& listing) {
  Writer out;
  out.number(listing.objects.size());
  std::string_view before = prefix;
  std::int64_t time_before = 0;
  for (const ObjectInfo& object : listing.objects) {
    out.key(before, object.version.key);
    out.etag(object.version.etag);
    out.number(object.version.size);
    const std::int64_t time = object.modified.time_since_epoch().count();
    out.difference(time - time_before);
    before = object.version.key;
    time_before = time;
  }
  out.number(listing.prefixes.size());
  before = prefix;
  for (const std::string& below : listing.prefixes) {
    out.key(before, below);
    before = below;
  }
  out.number(listing.left_out);
  out.text(listing.left_out_example);
  return out.take();
}

std::optional<Listing> decode_listing(const std::string& prefix, std::string_view bytes) {
  Reader in(bytes);
  Listing listing;
  std::string before = prefix;
  std::int64_t time = 0;
  for (std::uint64_t count = in.number(); count > 0 && in.good(); --count) {
    ObjectInfo object;
    object.version.key = in.key(before);
    object.version.etag = in.etag();
    object.version.size = in.number();
    time += in.difference();
    object.modified = std::chrono::sys_seconds{std::chrono::seconds{time}};
    if (!object.version.key.starts_with(prefix)) return std::nullopt;
    before = object.version.key;
    listing.objects.push_back(std::move(object));
  }
  before = prefix;
  for (std::uint64_t count = in.number(); count > 0 && in.good(); --count) {
    std::string below = in.key(before);
    if (!below.starts_with(prefix)) return std::nullopt;
    before = below;
    listing.prefixes.push_back(std::move(below));
  }
  listing.left_out = in.number();
  listing.left_out_example = in.bytes(in.number());
  if (!in.at_end()) return std::nullopt;
  return listing;
}

}  // namespace augurfs
