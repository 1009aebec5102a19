#include "cache/chunk_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "cache/disk.h"
#include "cache/sqlite.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

constexpr std::uint32_t kChunk = 4096;
constexpr std::uint64_t kRoomy = 64U << 20U;

// The bytes a version has by definition, so that any two places differ.
std::vector<std::byte> content(const Version& version, std::uint64_t offset, std::size_t length) {
  const std::uint64_t seed = std::hash<std::string>()(version.key + '\n' + version.etag);
  std::vector<std::byte> bytes(length);
  for (std::size_t i = 0; i < length; ++i) {
    std::uint64_t x = seed + (offset + i) / 8 * 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 31U)) * 0xbf58476d1ce4e5b9U;
    bytes[i] = static_cast<std::byte>(x >> ((offset + i) % 8 * 8));
  }
  return bytes;
}

class ChunkStoreTest : public testing::Test {
 protected:
  ChunkStoreOptions options() const {
    ChunkStoreOptions options;
    options.directory = directory_.path() / "cache";
    options.store_identity = "memory://";
    options.size_bytes_max = kRoomy;
    options.chunk_size_bytes = kChunk;
    options.background = false;
    return options;
  }

  static std::unique_ptr<ChunkStore> open(const ChunkStoreOptions& options) {
    auto store = ChunkStore::open(options);
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }

  static std::size_t length(const ChunkStore& store, const Version& version, std::uint32_t chunk) {
    const std::uint64_t size = store.chunk_size(version);
    return static_cast<std::size_t>(std::min(size, version.size - chunk * size));
  }

  static bool put(ChunkStore& store, const Version& version, std::uint32_t chunk,
                  Origin origin = Origin::kDemand) {
    const std::uint64_t offset = std::uint64_t{chunk} * store.chunk_size(version);
    return store.write(version, chunk, content(version, offset, length(store, version, chunk)),
                       origin);
  }

  // Whether the chunk is there; its bytes must be right if so.
  static bool get(ChunkStore& store, const Version& version, std::uint32_t chunk) {
    std::vector<std::byte> out(length(store, version, chunk));
    if (!store.read(version, chunk, 0, out)) return false;
    const std::uint64_t offset = std::uint64_t{chunk} * store.chunk_size(version);
    EXPECT_TRUE(out == content(version, offset, out.size())) << "wrong bytes";
    return true;
  }

  std::vector<stdfs::path> object_files() const {
    std::vector<stdfs::path> files;
    for (const auto& entry : stdfs::recursive_directory_iterator(options().directory / "objects")) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    return files;
  }

  TemporaryDirectory directory_;
};

TEST_F(ChunkStoreTest, ReturnsWhatWasWritten) {
  auto store = open(options());
  const Version version{"a", "1", 10'000};
  EXPECT_FALSE(store->contains(version, 0));
  EXPECT_FALSE(get(*store, version, 0));
  for (const std::uint32_t chunk : {2U, 0U, 1U}) EXPECT_TRUE(put(*store, version, chunk));
  for (const std::uint32_t chunk : {0U, 1U, 2U}) EXPECT_TRUE(get(*store, version, chunk));
  EXPECT_EQ(store->stats().chunks, 3U);
}

TEST_F(ChunkStoreTest, IsWarmAfterAReopen) {
  const Version version{"a", "1", 10'000};
  {
    auto store = open(options());
    EXPECT_TRUE(put(*store, version, 0));
    EXPECT_TRUE(put(*store, version, 2));
  }
  auto store = open(options());
  EXPECT_TRUE(get(*store, version, 0));
  EXPECT_FALSE(get(*store, version, 1));
  EXPECT_TRUE(get(*store, version, 2));
}

}  // namespace
}  // namespace augurfs
