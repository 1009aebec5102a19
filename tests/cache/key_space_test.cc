#include "cache/key_space.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace augurfs {
namespace {

// So many names, as their first page of 1,000 shows them.
std::vector<std::string> names(int count, const std::function<std::string(int)>& name) {
  std::vector<std::string> keys;
  for (int i = 0; i < count; ++i) keys.push_back(name(i));
  std::sort(keys.begin(), keys.end());
  return keys;
}

KeySpace space_of(const std::vector<std::string>& keys) {
  std::vector<ObjectInfo> page;
  for (std::size_t i = 0; i < std::min<std::size_t>(keys.size(), 1000); ++i) {
    page.push_back({{keys[i], "", 0}, {}});
  }
  return KeySpace(page);
}

std::string padded(int number, std::size_t digits) {
  const std::string text = std::to_string(number);
  return std::string(digits - text.size(), '0') + text;
}

std::string hash_of(int number) {
  std::string out;
  auto value = static_cast<std::uint64_t>(number + 1) * 0x9e3779b97f4a7c15;
  for (int i = 0; i < 16; ++i, value >>= 4) out += "0123456789abcdef"[value & 15];
  return out;
}

// How many of the names lie behind a guess in the middle of all that there may be, in percent.
std::size_t behind_the_middle(const std::vector<std::string>& keys) {
  const std::string middle = space_of(keys).key_at(0.5);
  const auto at = std::upper_bound(keys.begin(), keys.end(), middle);
  return static_cast<std::size_t>(keys.end() - at) * 100 / keys.size();
}

TEST(KeySpace, HalvesHashesAndCounters) {
  const auto hashes = names(20'000, [](int i) { return "d/" + hash_of(i); });
  EXPECT_NEAR(static_cast<double>(behind_the_middle(hashes)), 50, 3);
  const auto counters = names(20'000, [](int i) { return "d/f-" + padded(i * 5, 5) + ".txt"; });
  EXPECT_NEAR(static_cast<double>(behind_the_middle(counters)), 50, 3);
  const auto unpadded = names(99'999, [](int i) { return "d/" + std::to_string(i + 1); });
  EXPECT_NEAR(static_cast<double>(behind_the_middle(unpadded)), 50, 12);
}

TEST(KeySpace, AMarkerAndAFewOutliersChangeNothing) {
  const auto with = [](const std::vector<std::string>& others) {
    auto keys = names(5'000, [](int i) { return "d/img_" + padded(i, 5) + ".jpg"; });
    keys.insert(keys.end(), others.begin(), others.end());
    std::sort(keys.begin(), keys.end());
    return space_of(keys).key_at(0.5);
  };
  const std::string guess = with({});
  EXPECT_TRUE(guess.starts_with("d/img_5000")) << guess;
  EXPECT_EQ(with({"d/"}), guess);
  EXPECT_EQ(with({"d/.hidden"}), guess);
  EXPECT_EQ(with({"d/", "d/LICENSE", "d/README.md", "d/img.txt", "d/img_", "d/img_-"}), guess);
  // Of a few names, where one would be many.
  EXPECT_EQ(space_of({"d/", "d/f1", "d/f2"}).key_at(0.5), space_of({"d/f1", "d/f2"}).key_at(0.5));
}

bool is_utf8(const std::string& text) {
  std::size_t more = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) {
      if (more-- == 0) return false;
    } else {
      if (more > 0) return false;
      more = byte < 0x80 ? 0 : byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    }
  }
  return more == 0;
}

TEST(KeySpace, GuessesAreUtf8WhereTheKeysAre) {
  // Two letters of one first byte, of two and of three bytes; and a stem that ends in one.
  const std::vector<std::function<std::string(int)>> kinds = {
      [](int i) { return "d/" + std::string(i % 2 == 0 ? "\xd0\xb0" : "\xd0\xb1") + padded(i, 5); },
      [](int i) {
        return "d/" + std::string(i % 2 == 0 ? "\xe6\x97\xa5" : "\xe6\x97\xa6") + padded(i, 5);
      },
      [](int i) { return "d/\xd0\xb0" + padded(i, 5); }};
  for (const auto& kind : kinds) {
    const KeySpace space = space_of(names(1'000, kind));
    for (const double place : {0.0, 0.3, 0.5, 0.9, 1.0}) {
      EXPECT_TRUE(is_utf8(space.key_at(place))) << space.key_at(place);
    }
  }
}

TEST(KeySpace, PlacesRiseWithKeysAndGuessesLieWhereTheyAreToLie) {
  const auto keys = names(5'000, [](int i) { return "d/" + hash_of(i) + "-x"; });
  const KeySpace space = space_of(keys);
  double last = -1;
  for (const auto& key : keys) {
    const auto place = space.place(key);
    ASSERT_TRUE(place);
    EXPECT_GE(*place, last);
    EXPECT_LE(*place, 1);
    last = *place;
  }
  for (const double place : {0.0, 0.1, 0.25, 0.7, 1.0}) {
    EXPECT_NEAR(*space.place(space.key_at(place)), place, 1e-6);
  }
}

TEST(KeySpace, AKeyUnlikeTheOthersHasNoPlace) {
  const auto keys = names(2'000, [](int i) { return "d/file-" + padded(i, 6); });
  EXPECT_FALSE(space_of(keys).place("d/zebra"));
  EXPECT_TRUE(space_of(keys).place("d/file-"));
}

TEST(KeySpace, OfNothingOrOneNameItSaysNothingWrong) {
  EXPECT_EQ(KeySpace({}).key_at(0.5), "");
  const KeySpace one = space_of({"d/abc"});
  EXPECT_TRUE(one.key_at(0.5) <= "d/abc" || one.place(one.key_at(0.5)));
}

}  // namespace
}  // namespace augurfs
