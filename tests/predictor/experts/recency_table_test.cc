#include "predictor/experts/recency_table.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

TEST(RecencyTable, FindsWhatWasPut) {
  RecencyTable<int> table(64);
  EXPECT_EQ(table.find(0), nullptr) << "the key 0 is like any other";
  table.at(0) = 5;
  table.at(7) = 6;
  ASSERT_NE(table.find(0), nullptr);
  EXPECT_EQ(*table.find(0), 5);
  EXPECT_EQ(table.at(7), 6);
  EXPECT_EQ(table.find(8), nullptr);
}

TEST(RecencyTable, ForgetsTheLeastRecentlyUsed) {
  RecencyTable<int> table(8);  // one set
  for (std::uint64_t key = 0; key < 8; ++key) table.at(key) = static_cast<int>(key);
  table.find(0);
  table.at(100) = 100;
  EXPECT_NE(table.find(0), nullptr);
  EXPECT_EQ(table.find(1), nullptr);
  EXPECT_EQ(table.at(1), 0) << "it begins anew";
}

TEST(RecencyTable, KeepsMostOfWhatFits) {
  RecencyTable<std::uint64_t> table(1024);
  for (std::uint64_t key = 0; key < 512; ++key) table.at(key << 32U) = key;
  std::size_t kept = 0;
  for (std::uint64_t key = 0; key < 512; ++key) kept += table.find(key << 32U) != nullptr ? 1 : 0;
  EXPECT_GE(kept, 480U);
}

}  // namespace
}  // namespace augurfs
