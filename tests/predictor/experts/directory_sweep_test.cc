#include "predictor/experts/directory_sweep.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

std::string name(int i) {
  return {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
}

std::vector<std::string> names(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(name(i));
  return names;
}

// A player that knows d/00 .. d/39, of one chunk each, as listed.
class DirectorySweepTest : public testing::Test {
 protected:
  DirectorySweepTest() {
    player.object_bytes = ExpertPlayer::kChunkBytes;
    player.know_listing("d/", names(40));
  }
  Asked read(int i) { return player.read("d/" + name(i)); }
  // What reading the first children, which are there when they are read, brings altogether.
  Asked sweep(const std::string& prefix, int first, int end) {
    player.hit = true;
    Asked all;
    for (int i = first; i < end; ++i) {
      const Asked more = player.read(prefix + name(i));
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }

  DirectorySweep expert{DirectorySweepOptions{.window_usual = 16, .window_max = 24}};
  ExpertPlayer player{expert};
};

TEST_F(DirectorySweepTest, TheThirdChildInOrderBringsTheNextOnes) {
  player.hit = true;
  EXPECT_EQ(read(0), Asked{});
  EXPECT_EQ(read(1), Asked{});
  const Asked first = read(2);
  ASSERT_EQ(first.size(), 8U);
  EXPECT_EQ(first.front(), "d/03:0");
  EXPECT_EQ(first.back(), "d/10:0");
  EXPECT_EQ(read(3).size(), 9U) << "sixteen ahead of the reader";
  EXPECT_EQ(read(4), Asked{"d/20:0"}) << "and no more than that";
}

TEST_F(DirectorySweepTest, WhoComesTooEarlyGetsALongerWindow) {
  player.hit = true;
  for (int i = 0; i < 6; ++i) read(i);
  player.hit = false;
  EXPECT_EQ(read(6), Asked{"d/22:0"}) << "opened, and not read yet";
  EXPECT_EQ(read(6).size(), 8U) << "24 ahead, which is the most there may be";
  EXPECT_EQ(read(6), Asked{}) << "once for each child";
  EXPECT_EQ(read(7), Asked{"d/31:0"});
}

TEST_F(DirectorySweepTest, TheWindowIsBoundedInBytes) {
  DirectorySweep small({.window_bytes_max = 3 * ExpertPlayer::kChunkBytes});
  ExpertPlayer other(small);
  other.object_bytes = ExpertPlayer::kChunkBytes;
  other.know_listing("d/", names(40));
  other.hit = true;
  other.read("d/00");
  other.read("d/01");
  EXPECT_EQ(other.read("d/02"), (Asked{"d/03:0", "d/04:0", "d/05:0"}));
  EXPECT_EQ(other.read("d/03"), Asked{"d/06:0"});
}

TEST_F(DirectorySweepTest, ReadingOneChildTwiceIsNoStep) {
  read(0);
  read(1);
  EXPECT_EQ(read(1), Asked{});
  EXPECT_EQ(read(2).size(), 8U);
}

TEST_F(DirectorySweepTest, AFewLeftOutDoNotEndTheSweep) {
  read(0);
  read(2);
  EXPECT_EQ(read(5).front(), "d/06:0");
}

TEST_F(DirectorySweepTest, ReadsHereAndThereBringNothing) {
  for (const int i : {5, 30, 2, 17, 9, 38}) EXPECT_EQ(read(i), Asked{});
}

TEST_F(DirectorySweepTest, NothingBehindTheLastChildIsAskedFor) {
  read(36);
  read(37);
  EXPECT_EQ(read(38), Asked{"d/39:0"});
  EXPECT_EQ(read(39), Asked{});
}

TEST_F(DirectorySweepTest, StreamsAreKeptApart) {
  player.read("d/00", 0, 1);
  player.read("d/01", 0, 2);
  EXPECT_EQ(player.read("d/02", 0, 1), Asked{});
}

TEST_F(DirectorySweepTest, OneOfSeveralReadersAtOnceMayBeOvertaken) {
  sweep("d/", 0, 5);
  EXPECT_EQ(read(7).size(), 3U);
  EXPECT_EQ(read(6), Asked{});
  EXPECT_EQ(read(8), Asked{"d/24:0"});
}

// As tar and grep -r go: a directory is listed, then those in it, then its files are read.
class TreeSweepTest : public DirectorySweepTest {
 protected:
  TreeSweepTest() { player.know_listing("t/", {"a/", "b/", "c/", "e/", "00", "01", "02"}); }
};

TEST_F(TreeSweepTest, WhoListsOneAfterTheOtherFindsTheNextOnesListed) {
  EXPECT_EQ(player.list("t/"), Asked{});
  player.know_listing("t/a/", {"00"});
  EXPECT_EQ(player.list("t/a/"), (Asked{"t/b/", "t/c/"}));
  player.know_listing("t/b/", {"x/"});
  EXPECT_EQ(player.list("t/b/", 1, Operation::kListedAhead), Asked{"t/b/x/"})
      << "for what is found ahead is gone into";
  EXPECT_EQ(player.list("t/b/", 2, Operation::kListedAhead), Asked{}) << "but for nobody else";
}

TEST_F(TreeSweepTest, WhoListsHereAndThereGetsNothingListedAhead) {
  player.list("d/");
  EXPECT_EQ(player.list("t/c/"), Asked{}) << "what holds it was not listed";
  player.list("t/", 2);
  std::vector<std::string> many;
  for (char c = 'a'; c <= 'z'; ++c) many.push_back({c, '/'});
  player.know_listing("w/", many);
  player.list("w/");
  EXPECT_EQ(player.list("w/k/"), Asked{});
}

TEST_F(TreeSweepTest, WhoWentThroughOneDirectoryIsBelievedInTheNext) {
  player.list("t/");
  player.know_listing("t/a/", names(10));
  player.list("t/a/");
  const Asked asked = sweep("t/a/", 0, 4);
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "t/e/"), 1) << "the next are listed meanwhile";
  EXPECT_EQ(asked.back(), "t/02:0") << "and after all of them it will be the turn of this";
  player.know_listing("t/b/", names(3));
  EXPECT_EQ(player.list("t/b/", 1, Operation::kListedAhead),
            (Asked{"t/b/00:0", "t/b/01:0", "t/b/02:0"}));
  sweep("t/a/", 4, 10);
  player.list("t/b/");
  EXPECT_EQ(sweep("t/b/", 0, 3), Asked{}) << "all was asked for";
  player.know_listing("t/c/", names(40));
  EXPECT_EQ(player.list("t/c/").size(), 16U) << "a whole window at once";
}

TEST_F(TreeSweepTest, WhoReadsTheFilesFirstGetsThemFirst) {
  player.know_listing("u/", {"a/", "b/"});
  player.list("u/");
  player.know_listing("u/a/", {"x/", "00", "01", "02", "03", "04", "05", "06"});
  player.list("u/a/");
  sweep("u/a/", 0, 7);  // before u/a/x/
  player.know_listing("u/b/", {"y/", "00", "01"});
  EXPECT_EQ(player.list("u/b/"), (Asked{"u/b/00:0", "u/b/01:0", "u/b/y/"}));
}

}  // namespace
}  // namespace augurfs
