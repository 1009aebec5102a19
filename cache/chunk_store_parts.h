#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "cache/cache_directory.h"
#include "cache/chunk_files.h"
#include "cache/chunk_index.h"
#include "cache/chunk_mirror.h"
#include "cache/chunk_store.h"
#include "cache/circuit_breaker.h"
#include "cache/disk.h"
#include "remote/guarded.h"

namespace augurfs {

// What a ChunkStore consists of. chunk_store.cc reads and writes chunks, on the callers' threads;
// chunk_store_upkeep.cc is the store's own thread: it loads the index, frees what a crash left,
// keeps quota and floor, writes the index behind and syncs files.
struct ChunkStore::Parts {
  enum class Phase {
    kLoading,
    kReading,  // loaded, but nothing is kept: leftovers are not all found, or the index is out
    kReady,
  };
  // What lies between loading and keeping chunks.
  struct Progress {
    bool loaded = false;           // the mirror says what the index says
    bool marked = false;           // the index says that it is in use
    bool leftovers_freed = false;  // the index says all there is on disk
  };
  using Index = std::unique_ptr<ChunkIndex>;

  Parts(const ChunkStoreOptions& given, CacheDirectory taken);
  ~Parts();

  // Starting.
  Result<void> check_quota() const;
  void load(std::stop_token stop);
  Result<ChunkMirror> load_mirror(ChunkIndex& from, std::stop_token stop) const;
  bool start_over(Index& damaged, const std::string& reason);
  bool recover(std::stop_token stop);
  Result<void> recover_file(std::uint64_t object);
  Result<void> adopt_file(std::uint64_t object);
  void adopt_chunk(ChunkId id);
  void get_ready(std::stop_token stop);
  void start(std::stop_token stop);
  void run(std::stop_token stop);
  static void pause(std::chrono::milliseconds length, std::stop_token stop);

  // Reading.
  void wait_until_loaded() const;
  enum class Counts : bool { kAsUse, kAsNothing };
  bool read(const Version& version, std::uint32_t chunk, std::uint32_t offset,
            std::span<std::byte> out, Counts counts);
  Result<bool> copy(const Version& version, const ChunkMirror::Found& found, std::uint32_t offset,
                    std::span<std::byte> out);
  void distrust(const ChunkMirror::Found& found, const char* reason);
  void lose(std::uint64_t object, const std::string& reason);
  std::uint64_t watch(const ChunkId& id, const ByteRange& range, ChunkFiles::WatchFor what);

  // Pinning.
  std::unique_ptr<PinnedFile> pin(const Version& version);
  bool verify(const Version& version, const ChunkMirror::Whole& whole);
  bool is_on_disk(std::uint64_t object);
  void close_if_gone(std::uint64_t object);

  // Writing.
  bool write(const Version& version, std::uint32_t chunk, std::span<const std::byte> bytes,
             const ChunkCause& cause);
  void tell_if_full(Space::DiskFree free, std::uint64_t wanted_bytes);
  bool keep(const Version& version, const ChunkMirror::Ticket& ticket,
            std::span<const std::byte> bytes, const ChunkCause& cause);
  std::optional<Space::DiskFree> disk_free();
  void dig(std::vector<Hole> holes);
  bool has_to_wait(Hole& hole);
  bool is_in_use(std::uint64_t object);

  // Looking after index and space.
  void look_after(std::stop_token stop);
  void retry_holes();
  void sync_files(std::stop_token stop);
  bool sync_file(std::uint64_t object);
  Result<void> flush();
  void measure();
  void make_room();
  // By the wall clock when the store was opened, and steady since.
  std::uint64_t now_ms() const;
  std::uint32_t now_s() const { return static_cast<std::uint32_t>(now_ms() / 1000); }

  const ChunkStoreOptions options;
  Disk& disk;
  const CacheDirectory directory;
  const std::chrono::steady_clock::time_point opened;
  const std::int64_t opened_s;  // by the wall clock
  ChunkFiles files;
  CircuitBreaker reading;
  CircuitBreaker writing;
  std::atomic<Phase> phase{Phase::kLoading};
  Progress progress;  // of the thread
  std::atomic<std::uint64_t> corrupt_chunks{0};
  std::atomic<std::uint64_t> unstored_chunks{0};
  Guarded<std::chrono::steady_clock::time_point> tell_full_at;
  // Lock order: index, then mirror or failed_holes. Only the index is held during I/O.
  Guarded<Index> index;
  Guarded<ChunkMirror> mirror;
  Guarded<std::vector<Hole>> failed_holes;
  std::condition_variable_any dirty;  // of mirror
  // Files that somebody else may have open: those handed out since the start, and as long as it is
  // not known what an earlier run has left behind, all others.
  Guarded<std::unordered_set<std::uint64_t>> lent;
  std::atomic<bool> strangers{true};
  std::jthread thread;
};

}  // namespace augurfs
