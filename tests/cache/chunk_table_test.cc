#include "cache/chunk_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace augurfs {
namespace {

TEST(ChunkTable, KeepsAMillionChunksInMemory) { EXPECT_LE(sizeof(ChunkTable::Slot), 48U); }

TEST(ChunkTable, TellsOneStayOfAChunkFromTheNext) {
  ChunkTable table;
  const std::uint32_t first = table.insert({7, 1});
  const std::uint32_t generation = table[first].generation;
  table[first].checksum = 42;
  table.erase(first);
  EXPECT_NE(table[first].generation, generation);
  const std::uint32_t second = table.insert({7, 1});
  EXPECT_EQ(second, first) << "slots are used again";
  EXPECT_NE(table[second].generation, generation);
  EXPECT_EQ(table[second].checksum, 0U);
}

TEST(ChunkTable, FindsWhatAMapFinds) {
  ChunkTable table;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t> model;
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const ChunkId id{random() % 40, static_cast<std::uint32_t>(random() % 40)};
    const auto found = model.find({id.object, id.chunk});
    ASSERT_EQ(table.find(id), found == model.end() ? ChunkTable::kNone : found->second);
    if (found == model.end()) {
      model[{id.object, id.chunk}] = table.insert(id);
    } else if (random() % 2 == 0) {
      table.erase(found->second);
      model.erase(found);
    }
    ASSERT_EQ(table.size(), model.size());
  }
}

}  // namespace
}  // namespace augurfs
