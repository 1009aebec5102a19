#include "cache/chunk_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cache/circuit_breaker.h"
#include "cache/sqlite.h"
#include "support/chunk_store_fixture.h"
#include "support/hooked_disk.h"
#include "support/manual_clock.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;
using Operation = HookedDisk::Operation;

class ChunkStoreTest : public ChunkStoreFixture {
 protected:
  std::unique_ptr<ChunkStore> open() const { return open_store(options_); }

  // A store with room for about a thousand small chunks.
  std::unique_ptr<ChunkStore> open_small() {
    options_.size_bytes_max = quota_for(0);
    return open();
  }

  // Fills the store with chunks of its own until `wanted` more bytes were evicted.
  static void evict(ChunkStore& store, std::uint64_t wanted) {
    static std::uint64_t filler = 0;
    const std::uint64_t before = store.stats().evicted_bytes;
    for (int i = 0; i < 20'000 && store.stats().evicted_bytes < before + wanted; ++i) {
      ASSERT_TRUE(put(store, {"filler" + std::to_string(++filler), "1", kChunkBytes}, 0));
    }
    ASSERT_GE(store.stats().evicted_bytes, before + wanted);
  }

  void damage(const stdfs::path& file, std::uint64_t offset, char byte) const {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream.put(byte);
    ASSERT_TRUE(stream.good());
  }

  stdfs::path index() const { return options_.directory / "index.db"; }

  std::vector<stdfs::path> set_aside() const {
    std::vector<stdfs::path> files;
    for (const auto& entry : stdfs::directory_iterator(options_.directory)) {
      if (entry.path().filename().string().find(".damaged-") != std::string::npos) {
        files.push_back(entry.path());
      }
    }
    return files;
  }

  const Version version_{"a/key", "etag", 10'000};  // chunks of 4096, 4096 and 1808 bytes
};

TEST_F(ChunkStoreTest, ReturnsWhatWasWritten) {
  auto store = open();
  EXPECT_FALSE(store->contains(version_, 0));
  EXPECT_FALSE(get(*store, version_, 0));
  for (const std::uint32_t chunk : {2U, 0U, 1U}) EXPECT_TRUE(put(*store, version_, chunk));
  for (const std::uint32_t chunk : {0U, 1U, 2U}) {
    EXPECT_TRUE(store->contains(version_, chunk));
    EXPECT_TRUE(get(*store, version_, chunk));
  }
  EXPECT_EQ(store->stats().chunks, 3U);
}

TEST_F(ChunkStoreTest, CopiesAnyPartOfAChunk) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 2));
  std::vector<std::byte> out(8);
  EXPECT_TRUE(store->read(version_, 2, 1800, out));
  EXPECT_EQ(out, content(version_, 2 * kChunkBytes + 1800, 8));
  EXPECT_FALSE(store->read(version_, 2, 1801, out)) << "reaches beyond the end of the version";
}

TEST_F(ChunkStoreTest, KeepsVersionsApart) {
  auto store = open();
  const Version other_key{"a/other", "etag", 10'000};
  const Version other_etag{"a/key", "etag2", 10'000};
  const Version other_size{"a/key", "etag", 9'999};
  ASSERT_TRUE(put(*store, version_, 0));
  for (const Version& other : {other_key, other_etag, other_size}) {
    EXPECT_FALSE(store->contains(other, 0));
  }
  ASSERT_TRUE(put(*store, other_etag, 0));
  EXPECT_TRUE(get(*store, version_, 0));
  EXPECT_TRUE(get(*store, other_etag, 0));
}

TEST_F(ChunkStoreTest, KeepsKeysOfAnyBytes) {
  std::string key = "\xff\xfe '\"; DROP TABLE chunks;--\n";
  key += '\0';
  key += "after";
  const Version odd{key, std::string("\0\x80", 2), 100};
  const Version shorter{key.substr(0, key.size() - 5), odd.etag, 100};
  const Version empty{"", "", 100};
  {
    auto store = open();
    EXPECT_TRUE(put(*store, odd, 0));
    EXPECT_TRUE(put(*store, empty, 0));
  }
  auto store = open();
  EXPECT_TRUE(get(*store, odd, 0));
  EXPECT_TRUE(get(*store, empty, 0));
  EXPECT_FALSE(store->contains(shorter, 0));
}

TEST_F(ChunkStoreTest, AcceptsAChunkTwice) {
  auto store = open();
  EXPECT_TRUE(put(*store, version_, 0));
  const auto before = store->stats().bytes_used;
  EXPECT_TRUE(put(*store, version_, 0, Origin::kPrefetch));
  EXPECT_EQ(store->stats().bytes_used, before);
  EXPECT_EQ(store->stats().prefetched_bytes, 0U);
  EXPECT_TRUE(get(*store, version_, 0));
}

TEST_F(ChunkStoreTest, RefusesWhatIsNoChunkOfTheVersion) {
  auto store = open();
  EXPECT_FALSE(store->write(version_, 3, {}, Origin::kDemand));
  EXPECT_FALSE(store->write(version_, 2, content(version_, 0, kChunkBytes), Origin::kDemand));
  EXPECT_FALSE(store->write(version_, 0, content(version_, 0, 10), Origin::kDemand));
  const Version nothing{"empty", "1", 0};
  EXPECT_FALSE(store->write(nothing, 0, {}, Origin::kDemand));
  EXPECT_FALSE(store->contains(nothing, 0));
  EXPECT_EQ(store->stats().unstored_chunks, 4U);
  EXPECT_TRUE(object_files(options_.directory).empty());
}

TEST_F(ChunkStoreTest, KeepsTheEndOfAnObjectOfSixGiB) {
  const Version big{"big", "1", (6ULL << 30U) + 100};
  const auto last = static_cast<std::uint32_t>(big.size / kChunkBytes);
  {
    auto store = open();
    EXPECT_TRUE(put(*store, big, last));
    EXPECT_TRUE(put(*store, big, last - 1));
    EXPECT_TRUE(put(*store, big, 0));
  }
  auto store = open();
  EXPECT_EQ(chunk_length(*store, big, last), 100U);
  EXPECT_TRUE(get(*store, big, last));
  EXPECT_TRUE(get(*store, big, last - 1));
  EXPECT_TRUE(get(*store, big, 0));
  EXPECT_FALSE(get(*store, big, 1U << 20U));
  EXPECT_LT(occupied_bytes(options_.directory), 2U << 20U);
}

TEST_F(ChunkStoreTest, RefusesAVersionWithMoreChunksThanCanBeCounted) {
  auto store = open();
  const Version absurd{"absurd", "1", ~std::uint64_t{0}};
  EXPECT_FALSE(store->write(absurd, 0, content(absurd, 0, kChunkBytes), Origin::kDemand) &&
               !get(*store, absurd, 0));
}

TEST_F(ChunkStoreTest, CountsPrefetchedBytesAsUsedOnce) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0, Origin::kPrefetch));
  ASSERT_TRUE(put(*store, version_, 1, Origin::kPrefetch));
  ASSERT_TRUE(put(*store, version_, 2));
  EXPECT_EQ(store->stats().prefetched_bytes, 2U * kChunkBytes);
  EXPECT_EQ(store->stats().prefetch_used_bytes, 0U);
  EXPECT_TRUE(get(*store, version_, 0));
  EXPECT_TRUE(get(*store, version_, 0));
  EXPECT_TRUE(get(*store, version_, 2));
  EXPECT_EQ(store->stats().prefetch_used_bytes, kChunkBytes);
}

// ---------------------------------------------------------------------------------- chunk sizes

TEST_F(ChunkStoreTest, KeepsTheChunkSizeAVersionWasCachedWith) {
  const Version big{"big", "1", 1U << 20U};
  {
    auto store = open();
    ASSERT_TRUE(put(*store, big, 7));
  }
  options_.chunk_size_bytes = 16'384;
  auto store = open();
  EXPECT_EQ(store->chunk_size(big), 4096U);
  EXPECT_EQ(store->chunk_size(version_), 16'384U);
  EXPECT_TRUE(get(*store, big, 7));
}

// Its reader may have computed a chunk's number with the old size.
TEST_F(ChunkStoreTest, KeepsTheChunkSizeOfAVersionThatLeftTheCache) {
  const Version big{"big", "1", 1U << 20U};
  {
    auto store = open();
    ASSERT_TRUE(put(*store, big, 7));
  }
  options_.chunk_size_bytes = 16'384;
  auto store = open_small();
  stdfs::remove(object_files(options_.directory).at(0));
  EXPECT_FALSE(get(*store, big, 7));
  EXPECT_EQ(store->chunk_size(big), 4096U);
  EXPECT_TRUE(put(*store, big, 7));
  EXPECT_TRUE(get(*store, big, 7));
}

TEST_F(ChunkStoreTest, RefusesAChunkSizeThatIsNone) {
  for (const std::uint32_t size : {0U, 1U, 2048U, 5000U, 3U << 20U, 1U << 31U}) {
    options_.chunk_size_bytes = size;
    const auto store = ChunkStore::open(options_);
    ASSERT_FALSE(store) << size;
    EXPECT_EQ(store.error().code, ErrorCode::kInvalid);
    EXPECT_NE(store.error().message.find("cache.chunk_size"), std::string::npos);
  }
}

// ------------------------------------------------------------------------------------- restarts

TEST_F(ChunkStoreTest, IsWarmAfterAReopen) {
  {
    auto store = open();
    EXPECT_TRUE(put(*store, version_, 0));
    EXPECT_TRUE(put(*store, version_, 2));
  }
  auto store = open();
  EXPECT_TRUE(get(*store, version_, 0));
  EXPECT_FALSE(get(*store, version_, 1));
  EXPECT_TRUE(get(*store, version_, 2));
  EXPECT_EQ(store->stats().corrupt_chunks, 0U);
}

TEST_F(ChunkStoreTest, IsWarmAfterAKill) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  ASSERT_TRUE(store->flush());
  ASSERT_TRUE(put(*store, version_, 1));  // not in the index yet
  auto killed = options_;
  killed.directory = temporary_.path() / "killed";
  copy_as_killed(options_.directory, killed.directory);

  auto after = open_store(killed);
  EXPECT_TRUE(get(*after, version_, 0));
  EXPECT_FALSE(get(*after, version_, 1));
  EXPECT_TRUE(put(*after, version_, 1));
  EXPECT_TRUE(get(*after, version_, 1));
  EXPECT_EQ(after->stats().corrupt_chunks, 0U);
}

TEST_F(ChunkStoreTest, FreesWhatAKillLeftUnindexed) {
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  ASSERT_TRUE(store->flush());
  const Version big{"big", "1", 8U << 20U};
  ASSERT_TRUE(put(*store, version_, 1));
  for (std::uint32_t chunk = 0; chunk < 1000; ++chunk) ASSERT_TRUE(put(*store, big, chunk));
  auto killed = options_;
  killed.directory = temporary_.path() / "killed";
  copy_as_killed(options_.directory, killed.directory);
  ASSERT_GT(occupied_bytes(killed.directory), 1000U * kChunkBytes);

  auto after = open_store(killed);
  const auto files = object_files(killed.directory);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(real_disk().allocated_bytes(files[0]).value(), kChunkBytes);
  EXPECT_TRUE(get(*after, version_, 0));
}

TEST_F(ChunkStoreTest, LooksForLeftoversOnlyAfterACrash) {
  HookedDisk disk;
  options_.disk = &disk;
  { ASSERT_TRUE(put(*open(), version_, 0)); }
  disk.before = [](Operation operation) -> std::optional<Error> {
    EXPECT_NE(operation, Operation::kData);
    return std::nullopt;
  };
  auto store = open();
  EXPECT_TRUE(get(*store, version_, 0));
}

// Fork after no thread was started: the child is a daemon that gets killed, lock and all.
TEST_F(ChunkStoreTest, OpensAfterTheLastDaemonWasKilled) {
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = ChunkStore::open(options_);
    const bool good =
        store && put(**store, version_, 0) && (*store)->flush() && put(**store, version_, 1);
    if (good) ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  auto store = open();
  EXPECT_TRUE(get(*store, version_, 0));
  EXPECT_FALSE(get(*store, version_, 1));
}

TEST_F(ChunkStoreTest, EvictsTheLeastRecentlyUsedFirstAlsoAfterAReopen) {
  ManualClock clock;
  options_.now = clock.function();
  const Version old{"old", "1", kChunkBytes};
  const Version used{"used", "1", kChunkBytes};
  {
    auto store = open_small();
    ASSERT_TRUE(put(*store, used, 0));
    clock.advance(std::chrono::minutes(1));
    ASSERT_TRUE(put(*store, old, 0));
    clock.advance(std::chrono::minutes(2));
    ASSERT_TRUE(get(*store, used, 0));
  }
  auto store = open();
  evict(*store, 1);
  EXPECT_FALSE(store->contains(old, 0));
  EXPECT_TRUE(store->contains(used, 0));
}

TEST_F(ChunkStoreTest, ShrinksToASmallerQuotaWhenOpened) {
  const Version big{"big", "1", 24U << 20U};
  {
    auto store = open();
    for (std::uint32_t chunk = 0; chunk < 6000; ++chunk) ASSERT_TRUE(put(*store, big, chunk));
  }
  options_.size_bytes_max = quota_for(0);
  auto store = open();
  EXPECT_LE(occupied_bytes(options_.directory), options_.size_bytes_max);
  EXPECT_TRUE(get(*store, big, 5999));
}

// ------------------------------------------------------------------------------- damage at rest

TEST_F(ChunkStoreTest, TreatsAFlippedBitAsAbsent) {
  { ASSERT_TRUE(put(*open(), version_, 0)); }
  const auto file = object_files(options_.directory).at(0);
  const auto original = static_cast<char>(content(version_, 100, 1)[0]);
  damage(file, 100, static_cast<char>(original ^ 1));
  auto store = open();
  std::vector<std::byte> out(8);
  EXPECT_FALSE(store->read(version_, 0, 2000, out)) << "the damage is elsewhere in the chunk";
  EXPECT_EQ(store->stats().corrupt_chunks, 1U);
  EXPECT_FALSE(store->contains(version_, 0));
  EXPECT_TRUE(put(*store, version_, 0));
  EXPECT_TRUE(get(*store, version_, 0));
}

TEST_F(ChunkStoreTest, TreatsATruncatedFileAsAbsent) {
  {
    auto store = open();
    ASSERT_TRUE(put(*store, version_, 0));
    ASSERT_TRUE(put(*store, version_, 1));
  }
  stdfs::resize_file(object_files(options_.directory).at(0), 5000);
  auto store = open();
  EXPECT_TRUE(get(*store, version_, 0));
  EXPECT_FALSE(get(*store, version_, 1));
  EXPECT_EQ(store->stats().corrupt_chunks, 1U);
  EXPECT_TRUE(put(*store, version_, 1));
  EXPECT_TRUE(get(*store, version_, 1));
}

TEST_F(ChunkStoreTest, TreatsAMissingFileAsAbsentAndKeepsTheVersionAnew) {
  {
    auto store = open();
    ASSERT_TRUE(put(*store, version_, 0));
    ASSERT_TRUE(put(*store, version_, 1));
  }
  stdfs::remove(object_files(options_.directory).at(0));
  auto store = open();
  const auto empty = store->stats().bytes_used;
  EXPECT_FALSE(get(*store, version_, 1));
  EXPECT_EQ(store->stats().corrupt_chunks, 2U);
  EXPECT_LT(store->stats().bytes_used, empty);
  EXPECT_TRUE(put(*store, version_, 1));
  EXPECT_FALSE(get(*store, version_, 0));
  EXPECT_TRUE(get(*store, version_, 1));
}

TEST_F(ChunkStoreTest, ServesWhatIsLeftWhenAFileVanishesWhileItWrites) {
  const Version other{"other", "1", 10'000};
  {
    auto store = open();
    ASSERT_TRUE(put(*store, version_, 0));
    ASSERT_TRUE(put(*store, other, 0));
  }
  for (const auto& file : object_files(options_.directory)) stdfs::remove(file);
  auto store = open();
  EXPECT_FALSE(put(*store, version_, 1)) << "a new file would have a hole where chunk 0 was";
  EXPECT_FALSE(get(*store, version_, 0));
  EXPECT_TRUE(put(*store, version_, 1));
  EXPECT_TRUE(get(*store, version_, 1));
  EXPECT_TRUE(store->stats().disk_healthy);
}

TEST_F(ChunkStoreTest, NoticesFilesThatWereSwapped) {
  const Version other{"other", "1", 10'000};
  {
    auto store = open();
    ASSERT_TRUE(put(*store, version_, 0));
    ASSERT_TRUE(put(*store, other, 0));
  }
  {
    // The rows point at each other's files; each file's bytes match some checksum.
    auto database = Sqlite::open(index());
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->execute("UPDATE objects SET id = -id; "
                          "UPDATE objects SET id = 3 + id"));
  }
  auto store = open();
  EXPECT_FALSE(get(*store, version_, 0));
  EXPECT_FALSE(get(*store, other, 0));
}

TEST_F(ChunkStoreTest, SetsADamagedIndexAsideAndStartsOver) {
  for (const std::string& garbage : {std::string(100'000, 'x'), std::string("SQLite format 3")}) {
    { ASSERT_TRUE(put(*open(), version_, 0)); }
    std::ofstream(index(), std::ios::binary) << garbage;
    auto store = open();
    EXPECT_FALSE(get(*store, version_, 0));
    EXPECT_EQ(set_aside().size(), 1U);
    EXPECT_TRUE(object_files(options_.directory).empty());
    EXPECT_TRUE(put(*store, version_, 0));
    EXPECT_TRUE(get(*store, version_, 0));
  }
}

TEST_F(ChunkStoreTest, SetsAnIndexAsideThatIsFoundDamagedOnlyWhenLoaded) {
  const Version big{"big", "1", 8U << 20U};
  {
    auto store = open();
    for (std::uint32_t chunk = 0; chunk < 2000; ++chunk) ASSERT_TRUE(put(*store, big, chunk));
  }
  const auto size = stdfs::file_size(index());
  for (std::uint64_t at = 5 * 4096; at < size; ++at) damage(index(), at, '\x5a');
  auto store = open();
  EXPECT_FALSE(get(*store, big, 0));
  EXPECT_EQ(set_aside().size(), 1U);
  EXPECT_TRUE(put(*store, big, 0));
  EXPECT_TRUE(get(*store, big, 0));
}

TEST_F(ChunkStoreTest, SetsADatabaseOfSomethingElseAside) {
  { open(); }
  stdfs::remove(index());
  {
    auto database = Sqlite::open(index());
    ASSERT_TRUE(database->execute("CREATE TABLE recipes (name TEXT)"));
  }
  auto store = open();
  EXPECT_EQ(set_aside().size(), 1U);
  EXPECT_TRUE(put(*store, version_, 0));
}

TEST_F(ChunkStoreTest, SurvivesAnIndexWithAnyByteDamaged) {
  const Version big{"big", "1", 1U << 20U};
  {
    auto store = open();
    ASSERT_TRUE(put(*store, version_, 0));
    for (std::uint32_t chunk = 0; chunk < 100; ++chunk) ASSERT_TRUE(put(*store, big, chunk));
  }
  const auto pristine = temporary_.path() / "pristine";
  copy_as_killed(options_.directory, pristine);
  const auto size = stdfs::file_size(index());
  for (std::uint64_t at = 0; at < size; at += 97) {
    stdfs::remove_all(options_.directory);
    copy_as_killed(pristine, options_.directory);
    damage(index(), at, '\x81');
    auto store = ChunkStore::open(options_);
    if (!store) {  // the schema's number or the store's name was hit
      EXPECT_EQ(store.error().code, ErrorCode::kInvalid) << at << " " << store.error().message;
      continue;
    }
    get(**store, version_, 0);
    for (std::uint32_t chunk = 0; chunk < 100; chunk += 9) get(**store, big, chunk);
    put(**store, version_, 1);
    get(**store, version_, 1);
  }
}

TEST_F(ChunkStoreTest, RefusesAnIndexOfANewerProgramAndLosesNothing) {
  { ASSERT_TRUE(put(*open(), version_, 0)); }
  { ASSERT_TRUE(Sqlite::open(index())->execute("PRAGMA user_version=99")); }
  const auto refused = ChunkStore::open(options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  EXPECT_NE(refused.error().message.find("newer"), std::string::npos);
  { ASSERT_TRUE(Sqlite::open(index())->execute("PRAGMA user_version=1")); }
  EXPECT_TRUE(get(*open(), version_, 0));
}

TEST_F(ChunkStoreTest, RefusesTheDirectoryOfAnotherStoreAndLosesNothing) {
  { ASSERT_TRUE(put(*open(), version_, 0)); }
  auto other = options_;
  other.store_identity = "s3://elsewhere";
  const auto refused = ChunkStore::open(other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  EXPECT_NE(refused.error().message.find("memory://"), std::string::npos);
  EXPECT_NE(refused.error().message.find("s3://elsewhere"), std::string::npos);
  EXPECT_TRUE(get(*open(), version_, 0));
}

TEST_F(ChunkStoreTest, RefusesASecondUserOfTheDirectoryAndNamesTheFirst) {
  auto store = open();
  const auto second = ChunkStore::open(options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(second.error().message.find("process " + std::to_string(::getpid())),
            std::string::npos);
}

// ---------------------------------------------------------------------------------------- races

TEST_F(ChunkStoreTest, AReadOvertakenByEvictionFindsNothing) {
  HookedDisk disk;
  options_.disk = &disk;
  auto store = open_small();
  const Version pair{"pair", "1", 2 * kChunkBytes};
  ASSERT_TRUE(put(*store, pair, 0));
  ASSERT_TRUE(put(*store, pair, 1));
  ASSERT_TRUE(get(*store, pair, 0));  // the file is open now
  ASSERT_TRUE(get(*store, pair, 1));
  bool evicted = false;
  disk.before = [&](Operation operation) -> std::optional<Error> {
    if (operation == Operation::kRead && !std::exchange(evicted, true)) {
      for (int i = 0; i < 10'000 && store->contains(pair, 0); ++i) {
        get(*store, pair, 1);  // stays, so that the other is punched rather than the file removed
        evict(*store, 1);
      }
    }
    return std::nullopt;
  };
  EXPECT_FALSE(get(*store, pair, 0));
  EXPECT_TRUE(evicted);
  EXPECT_EQ(store->stats().corrupt_chunks, 0U) << "eviction is no damage";
  EXPECT_TRUE(get(*store, pair, 1));
}

TEST_F(ChunkStoreTest, AFirstReadOvertakenByRemovalIsNoDamage) {
  HookedDisk disk;
  options_.disk = &disk;
  const Version single{"single", "1", kChunkBytes};
  { ASSERT_TRUE(put(*open(), single, 0)); }
  auto store = open_small();
  bool evicted = false;
  disk.before = [&](Operation operation) -> std::optional<Error> {
    if (operation == Operation::kOpen && !std::exchange(evicted, true)) evict(*store, kChunkBytes);
    return std::nullopt;
  };
  EXPECT_FALSE(get(*store, single, 0));
  EXPECT_TRUE(evicted);
  EXPECT_EQ(store->stats().corrupt_chunks, 0U);
}

TEST_F(ChunkStoreTest, AChunkIsNotWrittenWhileItsHoleIsPunched) {
  HookedDisk disk;
  options_.disk = &disk;
  auto store = open_small();
  const Version pair{"pair", "1", 2 * kChunkBytes};
  ASSERT_TRUE(put(*store, pair, 0));
  ASSERT_TRUE(put(*store, pair, 1));
  bool punched = false;
  disk.before = [&](Operation operation) -> std::optional<Error> {
    if (operation == Operation::kPunch && !std::exchange(punched, true)) {
      EXPECT_FALSE(store->contains(pair, 0));
      EXPECT_FALSE(put(*store, pair, 0));
    }
    return std::nullopt;
  };
  evict(*store, 1);
  ASSERT_TRUE(punched);
  EXPECT_TRUE(put(*store, pair, 0));
  EXPECT_TRUE(get(*store, pair, 0));
}

TEST_F(ChunkStoreTest, AVersionIsKeptAnewWhileItsFileIsRemoved) {
  HookedDisk disk;
  options_.disk = &disk;
  auto store = open_small();
  ASSERT_TRUE(put(*store, version_, 0));
  bool removed = false;
  disk.before = [&](Operation operation) -> std::optional<Error> {
    if (operation == Operation::kRemove && !std::exchange(removed, true)) {
      // Room for it is taken from other chunks: this one's is still held.
      evict(*store, 2 * kChunkBytes);
      EXPECT_TRUE(put(*store, version_, 0));
    }
    return std::nullopt;
  };
  evict(*store, 1);
  ASSERT_TRUE(removed);
  EXPECT_TRUE(get(*store, version_, 0));
}

TEST_F(ChunkStoreTest, AFileStaysWhileAnotherChunkOfItIsWritten) {
  HookedDisk disk;
  options_.disk = &disk;
  auto store = open_small();
  ASSERT_TRUE(put(*store, version_, 0));
  bool evicted = false;
  disk.before = [&](Operation operation) -> std::optional<Error> {
    if (operation == Operation::kWrite && !std::exchange(evicted, true)) {
      evict(*store, kChunkBytes);
      EXPECT_FALSE(store->contains(version_, 0));
    }
    return std::nullopt;
  };
  EXPECT_TRUE(put(*store, version_, 1));
  ASSERT_TRUE(evicted);
  EXPECT_TRUE(get(*store, version_, 1));
  EXPECT_TRUE(put(*store, version_, 0));
  EXPECT_TRUE(get(*store, version_, 0));
}

// ---------------------------------------------------------------------------------------- space

// As one that is damaged and reads as sound; bytes that nobody knows of would count for nothing.
TEST_F(ChunkStoreTest, ClearsUpAfterAnIndexThatHasLostRowsUnseen) {
  {
    auto store = open();
    ASSERT_TRUE(put(*store, version_, 0));
  }
  ASSERT_EQ(object_files(options_.directory).size(), 1U);
  {
    auto index = Sqlite::open(options_.directory / "index.db");
    ASSERT_TRUE(index);
    ASSERT_TRUE(index->execute("DELETE FROM chunks"));
  }
  auto store = open();
  EXPECT_TRUE(object_files(options_.directory).empty());
}

TEST_F(ChunkStoreTest, RefusesAnAbsurdlySmallQuotaAndSaysTheMinimum) {
  options_.size_bytes_max = 1000;
  const auto refused = ChunkStore::open(options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  EXPECT_NE(refused.error().message.find("cache.size"), std::string::npos);
  options_.size_bytes_max = quota_for(0);
  auto store = open();
  EXPECT_TRUE(put(*store, version_, 0));
}

TEST_F(ChunkStoreTest, KeepsTheFreeSpaceFloorAtEveryInstant) {
  HookedDisk disk;
  options_.disk = &disk;
  constexpr std::uint64_t kDiskBytes = 24U << 20U;
  constexpr std::uint64_t kFloorBytes = 8U << 20U;
  options_.free_space_bytes_min = kFloorBytes;
  std::uint64_t others_bytes = 0;
  disk.free = [&] {
    const std::uint64_t used = others_bytes + occupied_bytes(options_.directory);
    return kDiskBytes - std::min(used, kDiskBytes);
  };
  disk.after = [&](Operation operation) {
    if (operation == Operation::kWrite) {
      EXPECT_GE(disk.free(), kFloorBytes);
    }
  };
  options_.chunk_size_bytes = 1U << 16U;
  auto store = open();
  const Version big{"big", "1", 32U << 20U};
  for (std::uint32_t chunk = 0; chunk < 400; ++chunk) ASSERT_TRUE(put(*store, big, chunk));
  EXPECT_GT(store->stats().evicted_bytes, 8U << 20U);
  EXPECT_TRUE(get(*store, big, 399));

  // Somebody else fills the disk: the cache gives way.
  others_bytes = 4U << 20U;
  ASSERT_TRUE(store->flush());
  EXPECT_GE(disk.free(), kFloorBytes);
  // To the last: then nothing is kept, and that is no error.
  others_bytes = 20U << 20U;
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(store->stats().chunks, 0U);
  EXPECT_FALSE(put(*store, big, 0));
  EXPECT_GT(store->stats().unstored_chunks, 0U);
}

// ------------------------------------------------------------------------------------ bad disks

TEST_F(ChunkStoreTest, AFailedWriteKeepsNothingAndGivesItsSpaceBack) {
  HookedDisk disk;
  options_.disk = &disk;
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  const auto before = store->stats().bytes_used;
  disk.fail(Operation::kWrite, ErrorCode::kNoSpace);
  EXPECT_FALSE(put(*store, version_, 1));
  EXPECT_FALSE(put(*store, {"other", "1", 100}, 0));
  disk.before = nullptr;
  EXPECT_FALSE(store->contains(version_, 1));
  EXPECT_EQ(store->stats().unstored_chunks, 2U);
  EXPECT_EQ(store->stats().bytes_used, before);
  EXPECT_EQ(object_files(options_.directory).size(), 1U);
  EXPECT_TRUE(get(*store, version_, 0));
  EXPECT_TRUE(put(*store, version_, 1));
}

TEST_F(ChunkStoreTest, AReadErrorMakesTheChunkAbsent) {
  HookedDisk disk;
  options_.disk = &disk;
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  disk.fail(Operation::kRead);
  EXPECT_FALSE(get(*store, version_, 0));
  disk.before = nullptr;
  EXPECT_FALSE(store->contains(version_, 0));
  EXPECT_TRUE(store->stats().disk_healthy);
  EXPECT_TRUE(put(*store, version_, 0));
  EXPECT_TRUE(get(*store, version_, 0));
}

TEST_F(ChunkStoreTest, LeavesADiskAloneThatFailsAgainAndAgain) {
  ManualClock clock;
  HookedDisk disk;
  options_.disk = &disk;
  options_.now = clock.function();
  auto store = open();
  const Version big{"big", "1", 1U << 20U};
  ASSERT_TRUE(put(*store, big, 100));
  int attempts = 0;
  disk.before = [&](Operation operation) -> std::optional<Error> {
    if (operation != Operation::kWrite) return std::nullopt;
    ++attempts;
    return Error{ErrorCode::kUnavailable, "the test's disk fails"};
  };
  for (std::uint32_t chunk = 0; chunk < 50; ++chunk) EXPECT_FALSE(put(*store, big, chunk));
  EXPECT_EQ(attempts, CircuitBreaker::kFailuresMax);
  EXPECT_FALSE(store->stats().disk_healthy);
  EXPECT_TRUE(get(*store, big, 100)) << "what can be read is still served";

  clock.advance(CircuitBreaker::kRetryAfter);
  EXPECT_FALSE(put(*store, big, 0));
  EXPECT_FALSE(put(*store, big, 0));
  EXPECT_EQ(attempts, CircuitBreaker::kFailuresMax + 1);

  disk.before = nullptr;
  clock.advance(CircuitBreaker::kRetryAfter);
  EXPECT_TRUE(put(*store, big, 0));
  EXPECT_TRUE(store->stats().disk_healthy);
}

TEST_F(ChunkStoreTest, HoldsTheSpaceOfAHoleThatCouldNotBePunchedUntilItIs) {
  HookedDisk disk;
  options_.disk = &disk;
  options_.chunk_size_bytes = 1U << 20U;
  const Version big{"big", "1", 2U << 20U};
  {
    auto store = open();
    ASSERT_TRUE(put(*store, big, 0));
    ASSERT_TRUE(put(*store, big, 1));
  }
  damage(object_files(options_.directory).at(0), 100, '\0');
  auto store = open();
  const auto before = store->stats().bytes_used;
  disk.fail(Operation::kPunch);
  EXPECT_FALSE(get(*store, big, 0));
  EXPECT_FALSE(put(*store, big, 0));
  EXPECT_EQ(store->stats().bytes_used, before);
  disk.before = nullptr;
  ASSERT_TRUE(store->flush());
  EXPECT_LT(store->stats().bytes_used, before - (1U << 19U));
  EXPECT_TRUE(put(*store, big, 0));
  EXPECT_TRUE(get(*store, big, 0));
}

TEST_F(ChunkStoreTest, IsNotMarkedCleanWhileAHoleIsOwed) {
  HookedDisk disk;
  options_.disk = &disk;
  {
    auto store = open();
    ASSERT_TRUE(put(*store, version_, 0));
    disk.before = [](Operation operation) -> std::optional<Error> {
      if (operation != Operation::kWrite && operation != Operation::kRemove) return std::nullopt;
      return Error{ErrorCode::kUnavailable, "the test's disk fails"};
    };
    EXPECT_FALSE(put(*store, {"other", "1", 100}, 0));
  }
  disk.before = nullptr;
  ASSERT_EQ(object_files(options_.directory).size(), 2U);
  auto store = open();
  EXPECT_EQ(object_files(options_.directory).size(), 1U);
  EXPECT_TRUE(get(*store, version_, 0));
}

// ----------------------------------------------------------------------------- its own thread

TEST_F(ChunkStoreTest, WritesBehindByItself) {
  options_.background = true;
  auto store = open();
  ASSERT_TRUE(put(*store, version_, 0));
  store.reset();
  store = open();
  EXPECT_TRUE(get(*store, version_, 0)) << "the first call waits for the index to be loaded";
}

TEST_F(ChunkStoreTest, KeepsTheFirstChunkItIsGivenUnlessACrashLeftSomething) {
  options_.background = true;
  const Version other{"other", "1", 10'000};
  for (int i = 0; i < 10; ++i) {
    stdfs::remove_all(options_.directory);
    EXPECT_TRUE(put(*open(), version_, 0)) << "new";
    EXPECT_TRUE(put(*open(), other, 0)) << "closed in order";
  }
  // Killed before it kept anything.
  stdfs::remove_all(options_.directory);
  options_.background = false;
  const auto unused = open();
  options_.background = true;
  copy_as_killed(options_.directory, temporary_.path() / "killed");
  options_.directory = temporary_.path() / "killed";
  EXPECT_TRUE(put(*open(), version_, 0));
}

TEST_F(ChunkStoreTest, EndsWhileItStillLoads) {
  options_.background = true;
  for (int i = 0; i < 20; ++i) open();
  EXPECT_TRUE(put(*open(), version_, 0));
}

}  // namespace
}  // namespace augurfs
