#include "cache/chunk_buffer.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <utility>
#include <vector>

namespace augurfs {
namespace {

constexpr std::size_t kMebibyte = 1 << 20;

TEST(ChunkBuffer, NoBytesNeedNoMemory) {
  ChunkBufferPool pool;
  EXPECT_FALSE(pool.allocate(0));
  EXPECT_FALSE(ChunkBuffer());
}

TEST(ChunkBuffer, MemoryGivenBackIsUsedAgain) {
  ChunkBufferPool pool;
  const std::byte* first = nullptr;
  {
    const ChunkBuffer buffer = pool.allocate(kMebibyte);
    first = buffer.data();
  }
  EXPECT_EQ(pool.allocate(kMebibyte - 1).data(), first) << "of a last chunk that is a bit shorter";
  EXPECT_EQ(pool.allocate(kMebibyte).data(), first);
}

TEST(ChunkBuffer, TwoInUseDoNotShareMemory) {
  ChunkBufferPool pool;
  const ChunkBuffer one = pool.allocate(kMebibyte);
  const ChunkBuffer other = pool.allocate(kMebibyte);
  EXPECT_NE(one.data(), other.data());
  one.data()[kMebibyte - 1] = std::byte{1};
  other.data()[kMebibyte - 1] = std::byte{2};
  EXPECT_EQ(one.data()[kMebibyte - 1], std::byte{1});
}

TEST(ChunkBuffer, AnotherSizeGetsMemoryOfItsOwn) {
  ChunkBufferPool pool;
  { const ChunkBuffer small = pool.allocate(100); }
  const ChunkBuffer large = pool.allocate(kMebibyte);
  large.data()[0] = large.data()[kMebibyte - 1] = std::byte{1};  // a crash if it were too short
  EXPECT_EQ(large.size_bytes(), kMebibyte);
}

TEST(ChunkBuffer, MovesLikeAPointer) {
  ChunkBufferPool pool;
  ChunkBuffer buffer = pool.allocate(kMebibyte);
  const std::byte* const data = buffer.data();
  ChunkBuffer taker = std::move(buffer);
  EXPECT_EQ(taker.data(), data);
  taker = ChunkBuffer();
  EXPECT_EQ(pool.allocate(kMebibyte).data(), data);
}

TEST(ChunkBuffer, ALotGivenBackIsNotKept) {
  ChunkBufferPool pool;
  constexpr std::size_t kMany = 4 * ChunkBufferPool::kKeptBytesMax / kMebibyte;
  for (int round = 0; round < 3; ++round) {
    std::vector<ChunkBuffer> buffers;
    for (std::size_t i = 0; i < kMany; ++i) buffers.push_back(pool.allocate(kMebibyte));
  }
  EXPECT_LE(pool.kept_bytes(), ChunkBufferPool::kKeptBytesMax);
  EXPECT_GT(pool.kept_bytes(), 0U);
  pool.clear();
  EXPECT_EQ(pool.kept_bytes(), 0U);
}

}  // namespace
}  // namespace augurfs
