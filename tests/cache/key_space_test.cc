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
