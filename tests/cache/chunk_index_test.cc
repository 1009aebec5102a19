#include "cache/chunk_index.h"

#include <gtest/gtest.h>

#include <string>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

class ChunkIndexTest : public testing::Test {
 protected:
  ChunkIndex open(const std::string& identity = "store") const {
    auto index = ChunkIndex::open(path_, identity);
    EXPECT_TRUE(index) << index.error().message;
    return std::move(*index);
  }

  static std::pair<std::vector<ObjectRecord>, std::vector<ChunkRecord>> load(ChunkIndex& index) {
    std::pair<std::vector<ObjectRecord>, std::vector<ChunkRecord>> all;
    EXPECT_TRUE(index.load(
        [&](ObjectRecord object) {
          all.first.push_back(std::move(object));
          return true;
        },
        [&](const ChunkRecord& chunk) {
          all.second.push_back(chunk);
          return true;
        }));
    return all;
  }

  TemporaryDirectory temporary_;
  const std::filesystem::path path_ = temporary_.path() / "index.db";
};

TEST_F(ChunkIndexTest, RemembersWhatWasWritten) {
  const Version version{std::string("k\0\xff", 3), "etag", (5ULL << 40U) + 1};
  {
    auto index = open();
    IndexBatch batch;
    batch.objects.push_back({3, version, 4096});
    batch.chunks.push_back({{3, ~0U}, ~std::uint64_t{0}, 4'000'000'000U, Origin::kPrefetch, 3});
    ASSERT_TRUE(index.write(batch));
  }
  auto index = open();
  const auto [objects, chunks] = load(index);
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_EQ(objects[0].id, 3U);
  EXPECT_EQ(objects[0].version, version);
  EXPECT_EQ(objects[0].chunk_size_bytes, 4096U);
  ASSERT_EQ(chunks.size(), 1U);
  EXPECT_EQ(chunks[0].id, (ChunkId{3, ~0U}));
  EXPECT_EQ(chunks[0].checksum, ~std::uint64_t{0});
  EXPECT_EQ(chunks[0].last_use_s, 4'000'000'000U);
  EXPECT_EQ(chunks[0].origin, Origin::kPrefetch);
  EXPECT_EQ(chunks[0].frequency, 3);
}

TEST_F(ChunkIndexTest, MayBeToldTheSameTwice) {
  auto index = open();
  IndexBatch put;
  put.objects.push_back({1, {"k", "e", 10}, 4096});
  put.chunks.push_back({{1, 0}, 7, 8, Origin::kDemand, 0});
  ASSERT_TRUE(index.write(put));
  ASSERT_TRUE(index.write(put));
  EXPECT_EQ(load(index).second.size(), 1U);
  IndexBatch removal;
  removal.removed_chunks.push_back({1, 0});
  removal.removed_objects.push_back(1);
  ASSERT_TRUE(index.write(removal));
  ASSERT_TRUE(index.write(removal));
  EXPECT_TRUE(load(index).first.empty());
  EXPECT_TRUE(load(index).second.empty());
}

TEST_F(ChunkIndexTest, KnowsWhetherItsLastUserEndedInOrder) {
  EXPECT_FALSE(open().clean_chunks()) << "what lies around a new index is unknown";
  { ASSERT_TRUE(open().mark_clean(12)); }
  {
    auto index = open();
    EXPECT_EQ(index.clean_chunks(), 12U);
    ASSERT_TRUE(index.mark_in_use());
  }
  EXPECT_FALSE(open().clean_chunks());
}

TEST_F(ChunkIndexTest, KeepsOneDamagedPredecessor) {
  for (int i = 0; i < 3; ++i) {
    auto index = std::make_unique<ChunkIndex>(open());
    ASSERT_TRUE(ChunkIndex::start_over(std::move(index), path_, "store", "a test says so"));
  }
  int aside = 0;
  for (const auto& entry : std::filesystem::directory_iterator(temporary_.path())) {
    if (entry.path().filename().string().starts_with("index.db.damaged-")) ++aside;
  }
  EXPECT_EQ(aside, 1);
}

}  // namespace
}  // namespace augurfs
