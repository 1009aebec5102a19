#include "fs/edit_distance.h"

#include <gtest/gtest.h>

#include <string>

namespace augurfs {
namespace {

TEST(EditDistance, CountsTypingSlips) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("size", "size"), 0U);
  EXPECT_EQ(edit_distance("size", "siz"), 1U);
  EXPECT_EQ(edit_distance("size", "sized"), 1U);
  EXPECT_EQ(edit_distance("size", "sise"), 1U);
  EXPECT_EQ(edit_distance("size", "szie"), 1U);
  EXPECT_EQ(edit_distance("", "size"), 4U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3U);
}

TEST(EditDistance, LooksAtABoundedPartOfLongWords) {
  EXPECT_EQ(edit_distance(std::string(1'000'000, 'a'), std::string(1'000'000, 'b')), 64U);
  EXPECT_EQ(edit_distance("", std::string(1'000'000, 'b')), 64U);
}

}  // namespace
}  // namespace augurfs
