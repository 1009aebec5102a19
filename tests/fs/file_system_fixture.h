#pragma once

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "cache/cache.h"
#include "fs/file_system.h"
#include "fs/page_feed.h"
#include "support/fetch_gate.h"
#include "support/manual_clock.h"
#include "support/memory_store.h"
#include "support/temporary_directory.h"

namespace augurfs {

// A FileSystem over a MemoryStore behind a gate, with what a kernel would do by itself: walking
// paths, counting lookups, looking up again on kStale. For one thread, but for `files`.
class FileSystemFixture {
 public:
  static constexpr std::chrono::milliseconds kTtl{60'000};
  static constexpr std::uint32_t kChunkBytes = 4096;

  struct Entry {
    FileKind kind = FileKind::kFile;
    InodeNumber inode{};
    std::uint64_t size_bytes = 0;
    bool operator==(const Entry&) const = default;
  };
  using Entries = std::map<std::string, Entry>;

  explicit FileSystemFixture(const std::string& prefix = "", ObjectStore* other = nullptr,
                             Prefetcher* prefetcher = nullptr)
      : gate(other == nullptr ? store : *other),
        cache_(open_cache()),
        files(FileSystemOptions{prefix}, *cache_, prefetcher) {}

  Cache& cache() { return *cache_; }
  // What was believed is not believed any more.
  void expire() { clock.advance(kTtl + std::chrono::seconds{1}); }

  // Takes back every lookup of walk(), open() and entries(), as a kernel short of memory would.
  void forget_all() {
    for (const auto& [inode, lookups] : lookups_) files.forget(inode, lookups);
    lookups_.clear();
  }

  Result<Attributes> walk(const std::string& path) {
    Attributes at;
    at.kind = FileKind::kDirectory;
    std::size_t begin = 0;
    while (begin < path.size()) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      auto next =
          files.lookup(at.inode, std::string_view(path).substr(begin, end - begin), {}, caller);
      if (!next) return next;
      ++lookups_[next->inode];
      at = *next;
      begin = end + 1;
    }
    return at;
  }

  // As open(2) does: a stale inode is looked up once more.
  Result<HandleNumber> open(const std::string& path) {
    for (int attempt = 0;; ++attempt) {
      const auto found = walk(path);
      if (!found) return found.error();
      auto handle = files.open(found->inode, {}, caller);
      if (handle || handle.error().code != ErrorCode::kStale || attempt == 1) return handle;
    }
  }

  Result<std::string> read(HandleNumber handle, std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    const auto count =
        files.read(handle, offset, std::as_writable_bytes(std::span(bytes)), {}, caller);
    if (!count) return count.error();
    bytes.resize(*count);
    return bytes;
  }

  Result<std::string> content(const std::string& path) {
    const auto handle = open(path);
    if (!handle) return handle.error();
    auto bytes = read(*handle, 0, 1 << 20);
    files.release(*handle);
    return bytes;
  }

  // Every entry of an open directory but "." and "..", in calls of at most `entries_max`.
  Result<Entries> entries(HandleNumber handle, bool count_lookups = true,
                          std::size_t entries_max = 1000) {
    Entries found;
    std::uint64_t position = 0;
    for (std::size_t got = 1; got > 0;) {
      got = 0;
      const auto sink = [&](std::string_view name, const Attributes& attributes,
                            std::uint64_t next) {
        if (got == entries_max) return false;
        ++got;
        position = next;
        if (name == "." || name == "..") return true;
        if (count_lookups) ++lookups_[attributes.inode];
        const Entry entry{attributes.kind, attributes.inode, attributes.size_bytes};
        if (!found.emplace(name, entry).second) throw std::runtime_error("listed twice");
        return true;
      };
      const auto done = files.read_directory(handle, position, count_lookups, sink, {});
      if (!done) return done.error();
    }
    return found;
  }

  Result<Entries> list(const std::string& path, bool count_lookups = true,
                       std::size_t entries_max = 1000) {
    const auto found = walk(path);
    if (!found) return found.error();
    const auto handle = files.open_directory(found->inode, {}, caller);
    if (!handle) return handle.error();
    auto result = entries(*handle, count_lookups, entries_max);
    files.release_directory(*handle);
    return result;
  }

  MemoryStore store;
  FetchGate gate;
  ManualClock clock;
  Caller caller;  // of what follows

 private:
  std::unique_ptr<Cache> open_cache() {
    // Made before there are threads: ThreadSanitizer does not see how the library makes it but
    // once.
    spdlog::default_logger();
    CacheOptions options;
    options.directory = directory_.path();
    options.size_bytes_max = 256 << 20;
    options.chunk_size_bytes = kChunkBytes;
    options.metadata_ttl = kTtl;
    options.landings = PageFeed::landings();
    options.now = clock.function();
    auto cache = Cache::open(options, gate);
    if (!cache) throw std::runtime_error(cache.error().message);
    return std::move(*cache);
  }

  TemporaryDirectory directory_;
  std::map<InodeNumber, std::uint64_t> lookups_;
  std::unique_ptr<Cache> cache_;

 public:
  FileSystem files;  // last: it borrows the cache
};

}  // namespace augurfs
