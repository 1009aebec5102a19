#include "predictor/experts/name_templates.h"

#include <gtest/gtest.h>

#include "support/expert_player.h"

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

class NameTemplatesTest : public testing::Test {
 protected:
  NameTemplatesTest() { player.object_bytes = ExpertPlayer::kChunkBytes; }
  void know(const std::vector<std::string>& names) {
    for (const auto& name : names) player.know(name);
  }

  NameTemplates expert{NameTemplatesOptions{.numbers_ahead_max = 4}};
  ExpertPlayer player{expert};
};

TEST_F(NameTemplatesTest, TheThirdNumberInARowBringsTheNextOnes) {
  for (int i = 1; i <= 20; ++i) player.know("d/f" + std::to_string(i) + ".png");
  EXPECT_EQ(player.read("d/f8.png"), Asked{});
  EXPECT_EQ(player.read("d/f9.png"), Asked{});
  EXPECT_EQ(player.read("d/f10.png"), (Asked{"d/f11.png:0", "d/f12.png:0"}));
  EXPECT_EQ(player.read("d/f11.png"), (Asked{"d/f13.png:0", "d/f14.png:0", "d/f15.png:0"}));
  EXPECT_EQ(player.read("d/f12.png"), Asked{"d/f16.png:0"});
}

TEST_F(NameTemplatesTest, ItFollowsStepsBackwardsToZero) {
  for (int i = 0; i <= 9; ++i) player.know("part-" + std::to_string(i));
  player.read("part-6");
  player.read("part-4");
  EXPECT_EQ(player.read("part-2"), Asked{"part-0:0"});
}

TEST_F(NameTemplatesTest, ZerosInFrontStay) {
  know({"a007", "a008", "a009", "a010", "a011"});
  player.read("a007");
  player.read("a008");
  EXPECT_EQ(player.read("a009"), (Asked{"a010:0", "a011:0"}));
}

TEST_F(NameTemplatesTest, WhatIsNotThereIsNotAskedFor) {
  EXPECT_EQ(player.read_all({"x1", "x2", "x3", "x4"}), Asked{});
  EXPECT_EQ(player.read_all({"999999999999999999999", "README", ".x", "a.b/c"}), Asked{});
}

TEST_F(NameTemplatesTest, NumbersHereAndThereBringNothing) {
  for (int i = 0; i < 100; ++i) player.know("n" + std::to_string(i));
  EXPECT_EQ(player.read_all({"n5", "n17", "n6", "n50", "n2"}), Asked{});
}

TEST_F(NameTemplatesTest, TheOtherExtensionOfTheSameStemComesAfterTwoSuchPairs) {
  know({"c.jpg", "c.json", "d.jpg"});
  EXPECT_EQ(player.read_all({"a.jpg", "a.json", "b.jpg", "b.json"}), Asked{});
  EXPECT_EQ(player.read("c.jpg"), Asked{"c.json:0"});
  EXPECT_EQ(player.read("d.jpg"), Asked{}) << "there is none";
}

TEST_F(NameTemplatesTest, APairThatIsReadNoMoreIsForgotten) {
  player.read_all({"a.jpg", "a.json", "b.jpg", "b.json"});
  for (const char* stem : {"m", "n", "o", "p"}) player.read(std::string(stem) + ".jpg");
  know({"z.json"});
  EXPECT_EQ(player.read("z.jpg"), Asked{});
}

}  // namespace
}  // namespace augurfs
