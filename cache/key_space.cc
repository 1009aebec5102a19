#include "cache/key_space.h"

#include <algorithm>
#include <array>

namespace augurfs {
namespace {

// In the order of their bytes; the first that holds what was seen at a place is taken.
constexpr std::array<std::string_view, 6> kAlphabets = {
    "0123456789",
    "0123456789abcdef",
    "0123456789ABCDEF",
    "0123456789abcdefghijklmnopqrstuvwxyz",
    "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz",
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
    "abcdefghijklmnopqrstuvwxyz{|}~"};
constexpr std::size_t kPlaces = 10;  // what tells names apart, and a double can hold

bool holds(std::string_view alphabet, char byte) {
  return alphabet.find(byte) != std::string_view::npos;
}

}  // namespace

KeySpace::KeySpace(const std::vector<ObjectInfo>& page) {
  if (page.empty()) return;
  const std::string& first = page.front().version.key;
  const std::string& last = page.back().version.key;
  stem_ = first.substr(
      0, static_cast<std::size_t>(
             std::mismatch(first.begin(), first.end(), last.begin(), last.end()).first -
             first.begin()));
  // The zeros of a counter, and the beginning of a hash, are no part of what all have in common.
  while (!stem_.empty() && holds(kAlphabets[1], stem_.back())) stem_.pop_back();
  std::vector<bool> is_one_byte;
  for (std::size_t place = 0; place < kPlaces; ++place) {
    std::size_t alphabet = 0;
    bool seen = false;
    char byte = 0;
    bool one_byte = true;
    for (const ObjectInfo& object : page) {
      const std::string& key = object.version.key;
      if (key.size() <= stem_.size() + place || !key.starts_with(stem_)) continue;
      one_byte = one_byte && (!seen || byte == key[stem_.size() + place]);
      byte = key[stem_.size() + place];
      seen = true;
      while (alphabet + 1 < kAlphabets.size() &&
             !holds(kAlphabets[alphabet], key[stem_.size() + place])) {
        ++alphabet;
      }
    }
    if (!seen) break;
    alphabets_.push_back(kAlphabets[alphabet]);
    is_one_byte.push_back(one_byte);
  }
  // Where all names of the page have one byte, the others are those that the next place shows.
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
