#include "cache/key_space.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace augurfs {
namespace {

// In the order of their bytes; the first that holds what was seen at a place, but for a few, is
// taken.
constexpr std::array<std::string_view, 6> kAlphabets = {
    "0123456789",
    "0123456789abcdef",
    "0123456789ABCDEF",
    "0123456789abcdefghijklmnopqrstuvwxyz",
    "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
    "abcdefghijklmnopqrstuvwxyz{|}~"};
constexpr std::size_t kPlaces = 10;  // what tells names apart, and a double can hold
constexpr std::size_t kFew = 16;     // one of so many is unlike the others

bool holds(std::string_view alphabet, char byte) {
  return alphabet.find(byte) != std::string_view::npos;
}

bool is_inside_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// What all but a few share with the last key, behind which the listing goes on.
std::string stem_of(const std::vector<std::string_view>& keys) {
  const std::string_view last = keys.back();
  std::vector<std::size_t> common;
  for (const std::string_view key : keys) {
    const auto end = std::mismatch(key.begin(), key.end(), last.begin(), last.end()).first;
    common.push_back(static_cast<std::size_t>(end - key.begin()));
  }
  const auto few = static_cast<std::ptrdiff_t>(keys.size() / kFew);
  std::nth_element(common.begin(), common.begin() + few, common.end());
  std::size_t size = common[static_cast<std::size_t>(few)];
  // A store may refuse a guess that is no UTF-8.
  while (size > 0 && size < last.size() && is_inside_character(last[size])) --size;
  // The zeros of a counter, and the beginning of a hash, are no part of what all have in common.
  while (size > 0 && holds(kAlphabets[1], last[size - 1])) --size;
  return std::string(last.substr(0, size));
}

// The smallest that holds `most` of the bytes.
std::string_view alphabet_of(const std::array<std::size_t, 256>& count, std::size_t most) {
  for (const std::string_view alphabet : kAlphabets) {
    std::size_t held = 0;
    for (const char byte : alphabet) held += count[static_cast<unsigned char>(byte)];
    if (held >= most) return alphabet;
  }
  return kAlphabets.back();
}

}  // namespace

KeySpace::KeySpace(const std::vector<ObjectInfo>& page) {
  std::vector<std::string_view> keys;
  for (const ObjectInfo& object : page) {
    // The marker of the directory itself is no name in it.
    if (!object.version.key.ends_with('/')) keys.emplace_back(object.version.key);
  }
  if (keys.empty()) return;
  stem_ = stem_of(keys);
  std::vector<bool> is_one_byte;
  for (std::size_t place = stem_.size(); place < stem_.size() + kPlaces; ++place) {
    std::array<std::size_t, 256> count{};
    std::size_t seen = 0;
    for (const std::string_view key : keys) {
      if (key.size() <= place || !key.starts_with(stem_)) continue;
      ++count[static_cast<unsigned char>(key[place])];
      ++seen;
    }
    if (seen == 0) break;
    const std::size_t most = seen - seen / kFew;
    alphabets_.push_back(alphabet_of(count, most));
    is_one_byte.push_back(*std::max_element(count.begin(), count.end()) >= most);
  }
  // Where the names of the page have one byte, the others are those that the next place shows.
  for (std::size_t place = alphabets_.size(); place-- > 1;) {
    if (is_one_byte[place - 1] && alphabets_[place - 1].size() < alphabets_[place].size()) {
      alphabets_[place - 1] = alphabets_[place];
    }
  }
}

std::optional<double> KeySpace::place(std::string_view key) const {
  if (!key.starts_with(stem_)) return std::nullopt;
  key.remove_prefix(stem_.size());
  double place = 0;
  double unit = 1;
  for (std::size_t i = 0; i < std::min(key.size(), alphabets_.size()); ++i) {
    const std::string_view alphabet = alphabets_[i];
    unit /= static_cast<double>(alphabet.size());
    const auto rank = std::lower_bound(alphabet.begin(), alphabet.end(), key[i]) - alphabet.begin();
    place += unit * static_cast<double>(rank);
  }
  return std::min(place, 1.0);
}

std::string KeySpace::key_at(double place) const {
  std::string key = stem_;
  for (const std::string_view alphabet : alphabets_) {
    place *= static_cast<double>(alphabet.size());
    const auto rank = std::min(static_cast<std::size_t>(place), alphabet.size() - 1);
    key += alphabet[rank];
    place -= static_cast<double>(rank);
  }
  return key;
}

}  // namespace augurfs
