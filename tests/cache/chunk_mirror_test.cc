#include "cache/chunk_mirror.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

using Admission = ChunkMirror::Admission;

constexpr std::uint32_t kChunk = 4096;
constexpr Space::DiskFree kEmptyDisk{std::uint64_t{1} << 40U, 0};

// A mirror with room for three chunks of small files.
class ChunkMirrorTest : public testing::Test {
 protected:
  Admission admit(std::uint32_t chunk, ChunkMirror::Ticket& ticket,
                  Origin origin = Origin::kDemand) {
    return mirror_.admit(version_, chunk, kChunk, origin, kEmptyDisk, ticket, holes_);
  }
  void keep(std::uint32_t chunk, Origin origin = Origin::kDemand) {
    ChunkMirror::Ticket ticket;
    ASSERT_EQ(admit(chunk, ticket, origin), Admission::kGranted) << chunk;
    ASSERT_TRUE(mirror_.finish(ticket, chunk + 100, true, origin, 0, holes_));
  }
  bool has(std::uint32_t chunk) const { return mirror_.find(version_, chunk).has_value(); }
  std::uint64_t used() const { return mirror_.space().used(); }
  // Digs all holes there are.
  void dig() {
    while (!holes_.empty()) {
      const Hole hole = holes_.back();
      holes_.pop_back();
      mirror_.returned(hole, holes_);
    }
  }

  const Space space_{3 * Space(0, 0, kChunk, 0).chunk_charge(kChunk), 0, kChunk, 0};
  const std::uint64_t charge_ = space_.chunk_charge(kChunk);
  const Version version_{"key", "etag", 4 * kChunk};
  ChunkMirror mirror_{kChunk, space_};
  std::vector<Hole> holes_;
};

TEST_F(ChunkMirrorTest, AChunkIsThereFromItsLastByteUntilItIsDropped) {
  ChunkMirror::Ticket ticket;
  ASSERT_EQ(admit(1, ticket), Admission::kGranted);
  EXPECT_EQ(ticket.range.offset, kChunk);
  EXPECT_TRUE(ticket.create);
  EXPECT_EQ(used(), charge_) << "space is taken before bytes are written";
  EXPECT_FALSE(has(1));
  ASSERT_TRUE(mirror_.finish(ticket, 7, true, Origin::kDemand, 0, holes_));
  const auto found = mirror_.find(version_, 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->checksum, 7U);
  EXPECT_TRUE(found->verified);

  const auto hole = mirror_.drop(*found);
  ASSERT_TRUE(hole);
  EXPECT_TRUE(hole->whole_file) << "it was the only one";
  EXPECT_FALSE(has(1));
  EXPECT_FALSE(mirror_.drop(*found));
  EXPECT_EQ(used(), charge_) << "its bytes are still on the disk";
  mirror_.returned(*hole, holes_);
  EXPECT_EQ(used(), 0U);
}

TEST_F(ChunkMirrorTest, AChunkOnItsWayIsNotAdmittedTwice) {
  ChunkMirror::Ticket ticket;
  ChunkMirror::Ticket second;
  ASSERT_EQ(admit(0, ticket), Admission::kGranted);
  EXPECT_EQ(admit(0, second), Admission::kRefused);
  ASSERT_TRUE(mirror_.finish(ticket, 7, true, Origin::kDemand, 0, holes_));
  EXPECT_EQ(admit(0, second), Admission::kPresent);
}

TEST_F(ChunkMirrorTest, WhatIsNoChunkOfTheVersionIsRefused) {
  ChunkMirror::Ticket ticket;
  EXPECT_EQ(admit(4, ticket), Admission::kRefused);
  EXPECT_EQ(mirror_.admit(version_, 0, kChunk - 1, Origin::kDemand, kEmptyDisk, ticket, holes_),
            Admission::kRefused);
  EXPECT_EQ(used(), 0U);
}

TEST_F(ChunkMirrorTest, WithoutRoomAChunkGoesAndItsSpaceIsHeldUntilItIsPunched) {
  for (const std::uint32_t chunk : {0U, 1U, 2U}) keep(chunk);
  ChunkMirror::Ticket ticket;
  EXPECT_EQ(admit(3, ticket), Admission::kMakeRoom);
  ASSERT_EQ(holes_.size(), 1U);
  EXPECT_FALSE(has(holes_[0].id.chunk));
  EXPECT_EQ(used(), 3 * charge_);
  EXPECT_EQ(mirror_.counters().evicted_bytes, kChunk);
  dig();
  EXPECT_EQ(admit(3, ticket), Admission::kGranted);
}

TEST_F(ChunkMirrorTest, BytesReadAcrossADropAreNotBelieved) {
  keep(0);
  keep(1);
  const auto before = mirror_.find(version_, 0);
  ASSERT_TRUE(before);
  holes_.push_back(*mirror_.drop(*before));
  EXPECT_FALSE(mirror_.use(*before, true, 0));
  ChunkMirror::Ticket ticket;
  EXPECT_EQ(admit(0, ticket), Admission::kRefused) << "its hole is not dug yet";
  dig();
  keep(0);
  EXPECT_FALSE(mirror_.use(*before, true, 0)) << "the chunk is back, its bytes were others";
  EXPECT_TRUE(mirror_.use(*mirror_.find(version_, 0), true, 0));
}

TEST_F(ChunkMirrorTest, ALostFileTakesAllItsChunksAlsoTheOneBeingWritten) {
  keep(0);
  keep(1);
  ChunkMirror::Ticket ticket;
  ASSERT_EQ(admit(2, ticket), Admission::kGranted);
  const auto lost = mirror_.lose(ticket.id.object);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->chunks, 2U);
  EXPECT_TRUE(lost->hole.whole_file);
  EXPECT_FALSE(has(0) || has(1));
  EXPECT_FALSE(mirror_.finish(ticket, 7, true, Origin::kDemand, 0, holes_));
  EXPECT_FALSE(has(2));
  holes_.push_back(lost->hole);
  dig();
  EXPECT_EQ(used(), 0U);
  EXPECT_FALSE(mirror_.lose(ticket.id.object));
}

TEST_F(ChunkMirrorTest, AWriteThatFailedHoldsItsSpaceUntilItIsPunched) {
  ChunkMirror::Ticket ticket;
  ASSERT_EQ(admit(0, ticket), Admission::kGranted);
  mirror_.abandon(ticket, holes_);
  EXPECT_FALSE(has(0));
  EXPECT_EQ(used(), charge_) << "a part of it may be on the disk";
  dig();
  EXPECT_EQ(used(), 0U);
}

TEST_F(ChunkMirrorTest, CountsThePrefetchedOnceWhenTheyAreUsed) {
  keep(0, Origin::kPrefetch);
  keep(1);
  EXPECT_EQ(mirror_.counters().prefetched_bytes, kChunk);
  EXPECT_EQ(mirror_.counters().prefetch_used_bytes, 0U);
  for (const std::uint32_t chunk : {0U, 0U, 1U}) {
    EXPECT_TRUE(mirror_.use(*mirror_.find(version_, chunk), true, 0));
  }
  EXPECT_EQ(mirror_.counters().prefetch_used_bytes, kChunk);
}

TEST_F(ChunkMirrorTest, TheIndexLearnsWhatIsAndWhatIsNoMore) {
  keep(0);
  IndexBatch batch = mirror_.take_dirty(10);
  ASSERT_EQ(batch.objects.size(), 1U);
  EXPECT_EQ(batch.objects[0].version, version_);
  ASSERT_EQ(batch.chunks.size(), 1U);
  EXPECT_EQ(batch.chunks[0].checksum, 100U);
  EXPECT_EQ(mirror_.dirty(), 0U);
  mirror_.put_back(batch);  // it could not be written
  EXPECT_EQ(mirror_.dirty(), 2U);
  EXPECT_EQ(mirror_.take_dirty(1).objects.size(), 1U) << "objects first";
  EXPECT_EQ(mirror_.take_dirty(10).chunks.size(), 1U);

  ASSERT_TRUE(mirror_.drop(*mirror_.find(version_, 0)));
  batch = mirror_.take_dirty(10);
  EXPECT_EQ(batch.removed_objects.size(), 1U);
  EXPECT_EQ(batch.removed_chunks.size(), 1U);
  EXPECT_TRUE(batch.objects.empty() && batch.chunks.empty());
}

TEST_F(ChunkMirrorTest, LoadsWhatMakesSenseAndRemovesTheRestFromTheIndex) {
  mirror_.load(ObjectRecord{5, version_, kChunk});
  mirror_.load(ObjectRecord{6, Version{"other", "etag", kChunk}, 3});
  mirror_.load(ChunkRecord{{5, 0}, 7, 60, Origin::kDemand, 0});
  mirror_.load(ChunkRecord{{5, 4}, 7, 60, Origin::kDemand, 0});   // beyond the version
  mirror_.load(ChunkRecord{{99, 0}, 7, 60, Origin::kDemand, 0});  // of no object
  mirror_.finish_loading();
  EXPECT_EQ(mirror_.size(), 1U);
  ASSERT_TRUE(has(0));
  EXPECT_FALSE(mirror_.find(version_, 0)->verified) << "its bytes are not proved yet";
  EXPECT_EQ(used(), charge_);
  const IndexBatch batch = mirror_.take_dirty(10);
  EXPECT_EQ(batch.removed_objects, std::vector<std::uint64_t>{6});
  EXPECT_EQ(batch.removed_chunks.size(), 2U);
}

TEST_F(ChunkMirrorTest, OfWhatWasLoadedTheOldestGoesFirst) {
  mirror_.load(ObjectRecord{5, version_, kChunk});
  mirror_.load(ChunkRecord{{5, 0}, 7, 120, Origin::kDemand, 0});
  mirror_.load(ChunkRecord{{5, 1}, 7, 60, Origin::kDemand, 0});
  mirror_.load(ChunkRecord{{5, 2}, 7, 180, Origin::kDemand, 0});
  mirror_.finish_loading();
  ChunkMirror::Ticket ticket;
  EXPECT_EQ(admit(3, ticket), Admission::kMakeRoom);
  EXPECT_TRUE(has(0) && has(2));
  EXPECT_FALSE(has(1));
}

}  // namespace
}  // namespace augurfs
