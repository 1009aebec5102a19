#include "cache/fresh_chunks.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

constexpr std::size_t kPage = FreshChunks::kPageBytes;

ChunkKey id(std::uint32_t chunk) { return {Version{"key", "etag", 1 << 30}, chunk}; }

TEST(FreshChunks, EachByteIsFreshOnce) {
  FreshChunks fresh;
  fresh.add(id(0), 3 * kPage + 7);
  EXPECT_EQ(fresh.hand_out(id(0), 0, kPage + 1), kPage + 1);
  EXPECT_EQ(fresh.hand_out(id(0), 0, kPage), 0U) << "read again";
  EXPECT_EQ(fresh.hand_out(id(0), kPage + 1, kPage), 1U)
      << "the first of two pages counted already";
  EXPECT_EQ(fresh.hand_out(id(0), 3 * kPage, 7), 7U);
  EXPECT_EQ(fresh.size(), 0U);
  EXPECT_EQ(fresh.hand_out(id(0), 0, 3 * kPage + 7), 0U);
}

TEST(FreshChunks, WhatWasNeverFetchedIsNotFresh) {
  FreshChunks fresh;
  fresh.add(id(0), kPage);
  EXPECT_EQ(fresh.hand_out(id(1), 0, kPage), 0U);
}

TEST(FreshChunks, AFetchAnewMakesAllFreshAgain) {
  FreshChunks fresh;
  fresh.add(id(0), 2 * kPage);
  EXPECT_EQ(fresh.hand_out(id(0), 0, kPage), kPage);
  fresh.add(id(0), 2 * kPage);
  EXPECT_EQ(fresh.size(), 1U);
  EXPECT_EQ(fresh.hand_out(id(0), 0, 2 * kPage), 2 * kPage);
}

TEST(FreshChunks, TheOldestIsForgottenWhenThereAreTooMany) {
  FreshChunks fresh;
  for (std::uint32_t chunk = 0; chunk <= FreshChunks::kChunksMax; ++chunk) {
    fresh.add(id(chunk), kPage);
  }
  EXPECT_EQ(fresh.size(), FreshChunks::kChunksMax);
  EXPECT_EQ(fresh.hand_out(id(0), 0, kPage), 0U);
  EXPECT_EQ(fresh.hand_out(id(1), 0, kPage), kPage);
}

}  // namespace
}  // namespace augurfs
