#include "cache/chunk_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/fetch_gate.h"
#include "support/memory_store.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

constexpr std::uint32_t kChunk = 4096;

std::string content_of(std::size_t size_bytes) {
  std::string content(size_bytes, '\0');
  std::uint32_t state = 1;
  for (char& c : content) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return content;
}

// A reader on a store behind a gate, with chunks of 4 KiB.
class ChunkReaderTest : public testing::Test {
 protected:
  using Answer = Result<std::string>;

  void start(ChunkReaderOptions options = {}) {
    ChunkStoreOptions chunk_options;
    chunk_options.directory = directory_.path() / "cache";
    chunk_options.store_identity = "memory";
    chunk_options.size_bytes_max = size_bytes_max_;
    chunk_options.chunk_size_bytes = kChunk;
    auto chunks = ChunkStore::open(chunk_options);
    ASSERT_TRUE(chunks) << chunks.error().message;
    chunks_ = std::move(*chunks);
    reader_ = std::make_unique<ChunkReader>(options, gate_, *chunks_);
  }

  void SetUp() override { start(); }

  void TearDown() override {
    gate_.open();
    reader_.reset();
  }

  Version put(const std::string& key, std::size_t size_bytes) {
    contents_[key] = content_of(size_bytes);
    return store_.put(key, contents_[key]);
  }

  Answer read(const Version& version, std::uint64_t offset, std::size_t size_bytes,
              std::stop_token stop = {}) {
    std::string out(size_bytes, '?');
    const auto outcome =
        reader_->read(version, offset, std::as_writable_bytes(std::span(out)), std::move(stop));
    if (!outcome) return outcome.error();
    hit_ = outcome->hit;
    out.resize(outcome->bytes);
    return out;
  }

  std::future<Answer> read_in_thread(const Version& version, std::uint64_t offset,
                                     std::size_t size_bytes, std::stop_token stop = {}) {
    return std::async(std::launch::async,
                      [=, this] { return read(version, offset, size_bytes, stop); });
  }

  std::string expected(const Version& version, std::size_t offset, std::size_t size_bytes) {
    return contents_[version.key].substr(offset, size_bytes);
  }

  std::vector<std::string> gets() {
    std::vector<std::string> ranges;
    for (const auto& get : gate_.gets()) {
      ranges.push_back(get.version.key + " " + std::to_string(get.range.offset / kChunk) + "+" +
                       std::to_string((get.range.length + kChunk - 1) / kChunk));
    }
    return ranges;
  }

  void wait_until_ended(std::uint64_t calls) {
    ASSERT_TRUE(gate_.wait_until(FetchGate::kGet,
                                 [&](const auto& counts) { return counts.ended >= calls; }));
  }

  std::uint64_t size_bytes_max_ = 64 << 20;
  TemporaryDirectory directory_;
  MemoryStore store_;
  FetchGate gate_{store_};
  std::map<std::string, std::string> contents_;
  std::unique_ptr<ChunkStore> chunks_;
  std::unique_ptr<ChunkReader> reader_;
  std::atomic<bool> hit_ = false;
};

TEST_F(ChunkReaderTest, ReadsAnyRangeOfAVersion) {
  const Version version = put("a", 3 * kChunk + 100);
  for (const std::size_t offset : {0u, 1u, kChunk - 1, kChunk, 2 * kChunk + 7, 3 * kChunk + 99}) {
    for (const std::size_t size_bytes : {1u, 99u, kChunk, kChunk + 1, 2 * kChunk, 9 * kChunk}) {
      const Answer answer = read(version, offset, size_bytes);
      ASSERT_TRUE(answer) << answer.error().message;
      EXPECT_EQ(*answer, expected(version, offset, size_bytes)) << offset << "+" << size_bytes;
    }
  }
}

}  // namespace
}  // namespace augurfs
