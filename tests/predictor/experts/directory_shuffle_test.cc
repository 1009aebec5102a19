#include "predictor/experts/directory_shuffle.h"

#include <gtest/gtest.h>

#include <set>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

std::string name(int i) {
  return {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
}

// A player that knows d/00 .. d/39, of one chunk each, as listed.
class DirectoryShuffleTest : public testing::Test {
 protected:
  DirectoryShuffleTest() {
    player.object_bytes = ExpertPlayer::kChunkBytes;
    std::vector<std::string> names;
    for (int i = 0; i < 40; ++i) names.push_back(name(i));
    player.know_listing("d/", names);
  }
  Asked read(int i) { return player.read("d/" + name(i)); }

  DirectoryShuffle expert{
      DirectoryShuffleOptions{.ahead_bytes_max = 12 * ExpertPlayer::kChunkBytes}};
  ExpertPlayer player{expert};
};

TEST_F(DirectoryShuffleTest, AQuarterInNoOrderBringsTheRestAsFarAsThereIsRoom) {
  for (const int i : {7, 31, 2, 19, 38, 11, 25, 4, 16}) EXPECT_EQ(read(i), Asked{}) << i;
  const Asked first = read(33);  // the tenth of forty
  EXPECT_EQ(first, (Asked{"d/00:0", "d/01:0", "d/03:0", "d/05:0", "d/06:0", "d/08:0", "d/09:0",
                          "d/10:0", "d/12:0", "d/13:0", "d/14:0", "d/15:0"}));
  EXPECT_EQ(read(39), Asked{}) << "was not asked for, so there is no more room";
  EXPECT_EQ(read(9), Asked{"d/17:0"}) << "was, so there is";
  EXPECT_EQ(read(9), Asked{});
}

TEST_F(DirectoryShuffleTest, AllIsAskedForOnceInTheEnd) {
  std::multiset<std::string> asked;
  for (int i = 0; i < 40; ++i) {
    const int child = i * 27 % 40;  // a permutation, as 27 and 40 have no factor in common
    for (const auto& one : read(child)) asked.insert(one);
  }
  EXPECT_EQ(asked.size(), std::set<std::string>(asked.begin(), asked.end()).size());
  EXPECT_GT(asked.size(), 15U);
}

TEST_F(DirectoryShuffleTest, WhoReadsInOrderGetsNothingHere) {
  for (int i = 0; i < 40; ++i) EXPECT_EQ(read(i), Asked{});
}

TEST_F(DirectoryShuffleTest, WhoReadsSomeOfThemTwiceGetsNothing) {
  for (int round = 0; round < 10; ++round) {
    for (const int i : {7, 31, 2, 19, 38, 11, 25, 4, 16}) EXPECT_EQ(read(i), Asked{});
  }
}

TEST_F(DirectoryShuffleTest, StreamsAreKeptApart) {
  std::uint64_t stream = 1;
  for (const int i : {7, 31, 2, 19, 38, 11, 25, 4, 16, 33, 39, 9}) {
    EXPECT_EQ(player.read("d/" + name(i), 0, stream++ % 2), Asked{});
  }
}

}  // namespace
}  // namespace augurfs
