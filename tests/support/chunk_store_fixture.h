#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/chunk_store.h"
#include "cache/disk.h"
#include "support/temporary_directory.h"

namespace augurfs {

// The bytes a version has by definition: a function of whose they are and where.
inline std::vector<std::byte> content(const Version& version, std::uint64_t offset,
                                      std::size_t length) {
  const std::uint64_t seed = std::hash<std::string>()(version.key + '\n' + version.etag);
  std::vector<std::byte> bytes(length);
  for (std::size_t i = 0; i < length; ++i) {
    std::uint64_t word = seed + (offset + i) / 8 * 0x9e3779b97f4a7c15U;
    word = (word ^ (word >> 31U)) * 0xbf58476d1ce4e5b9U;
    bytes[i] = static_cast<std::byte>(word >> ((offset + i) % 8 * 8));
  }
  return bytes;
}

inline std::size_t chunk_length(const ChunkStore& store, const Version& version,
                                std::uint32_t chunk) {
  const std::uint64_t size = store.chunk_size(version);
  return static_cast<std::size_t>(std::min(size, version.size - chunk * size));
}

inline bool put(ChunkStore& store, const Version& version, std::uint32_t chunk,
                Origin origin = Origin::kDemand) {
  const std::uint64_t offset = std::uint64_t{chunk} * store.chunk_size(version);
  return store.write(version, chunk, content(version, offset, chunk_length(store, version, chunk)),
                     origin);
}

// Whether the chunk is there. Its bytes are right if so, else the test fails.
inline bool get(ChunkStore& store, const Version& version, std::uint32_t chunk) {
  std::vector<std::byte> out(chunk_length(store, version, chunk));
  if (!store.read(version, chunk, 0, out)) return false;
  const std::uint64_t offset = std::uint64_t{chunk} * store.chunk_size(version);
  EXPECT_TRUE(out == content(version, offset, out.size()))
      << "wrong bytes in chunk " << chunk << " of " << version.key;
  return true;
}

inline std::unique_ptr<ChunkStore> open_store(const ChunkStoreOptions& options) {
  auto store = ChunkStore::open(options);
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

inline std::vector<std::filesystem::path> object_files(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(directory / "objects", error), end;
       !error && it != end; it.increment(error)) {
    if (it->is_regular_file()) files.push_back(it->path());
  }
  return files;
}

// What `du` says.
inline std::uint64_t occupied_bytes(const std::filesystem::path& directory) {
  std::uint64_t bytes = real_disk().allocated_bytes(directory).value_or(0);
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    bytes += real_disk().allocated_bytes(it->path()).value_or(0);
  }
  return bytes;
}

// The directory as a kill at this moment would leave it; holes stay holes. For a store without a
// thread of its own, so that the moment is one.
void copy_as_killed(const std::filesystem::path& from, const std::filesystem::path& to);

class ChunkStoreFixture : public testing::Test {
 protected:
  static constexpr std::uint32_t kChunkBytes = 4096;

  explicit ChunkStoreFixture(TemporaryDirectory::Place place = TemporaryDirectory::Place::kMemory)
      : temporary_(place) {
    options_.directory = temporary_.path() / "cache";
    options_.store_identity = "memory://";
    options_.size_bytes_max = 64U << 20U;
    options_.chunk_size_bytes = kChunkBytes;
    options_.background = false;
  }

  // The smallest quota that is accepted, plus room for so many chunks.
  std::uint64_t quota_for(std::uint64_t chunks) {
    auto options = options_;
    options.size_bytes_max = 0;
    const auto refused = ChunkStore::open(options);
    const std::string& message = refused.error().message;
    constexpr std::string_view kBefore = "at least ";
    return std::stoull(message.substr(message.find(kBefore) + kBefore.size())) +
           chunks * kChunkBytes;
  }

  TemporaryDirectory temporary_;
  ChunkStoreOptions options_;
};

}  // namespace augurfs
