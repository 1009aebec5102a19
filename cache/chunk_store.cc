#include "cache/chunk_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cache/cache_directory.h"
#include "cache/chunk_files.h"
#include "cache/chunk_index.h"
#include "cache/chunk_mirror.h"
#include "cache/circuit_breaker.h"
#include "cache/disk.h"
#include "remote/guarded.h"

namespace augurfs {
namespace {

// Changes of the index gather so long before they are written: what a kill may cost in warmth.
constexpr std::chrono::milliseconds kGather{50};
// How often quota, floor and the index are looked after when nothing else happens.
constexpr std::chrono::seconds kTick{1};
// Rounds of eviction for one write, of at most ChunkMirror::kHolesMax chunks each.
constexpr int kRoundsMax = 16;
// Beside the index, directories grow as files come: a few blocks between two measurements.
constexpr std::uint64_t kGrowthBytesMax = ChunkIndex::kGrowthBytesMax + (256U << 10U);
// Smaller chunks are verified by every read: their checksum costs less than the read itself, and
// much less than bringing each of many small files to the disk (see ChunkFiles::watch).
constexpr std::uint64_t kWatchedBytesMin = 32U << 10U;
// Files brought to the disk in a row: the index waits meanwhile.
constexpr int kSyncsMax = 4;
// A cache that holds fewer chunks than this helps nobody.
constexpr std::uint64_t kChunksMin = 4;
// The 256 directories of the chunk files, at a block each.
constexpr std::uint64_t kDirectoryBytes = 1U << 20U;

Result<void> check(const ChunkStoreOptions& options, const CacheDirectory& directory) {
  const std::uint32_t chunk_size = options.chunk_size_bytes;
  const std::uint64_t least = std::max<std::uint64_t>(kChunkSizeBytesMin, directory.block_bytes());
  if (!std::has_single_bit(chunk_size) || chunk_size < least || chunk_size > kChunkSizeBytesMax) {
    return Error{ErrorCode::kInvalid, "cache.chunk_size is " + std::to_string(chunk_size) +
                                          " bytes; it must be a power of two from " +
                                          std::to_string(least) + " to " +
                                          std::to_string(kChunkSizeBytesMax)};
  }
  return {};
}

}  // namespace

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
  void get_ready(std::stop_token stop);
  void start(std::stop_token stop);
  void run(std::stop_token stop);
  static void pause(std::chrono::milliseconds length, std::stop_token stop);

  // Reading.
  void wait_until_loaded() const;
  bool read(const Version& version, std::uint32_t chunk, std::uint32_t offset,
            std::span<std::byte> out);
  Result<bool> copy(const Version& version, const ChunkMirror::Found& found, std::uint32_t offset,
                    std::span<std::byte> out);
  void distrust(const ChunkMirror::Found& found, const char* reason);
  void lose(std::uint64_t object, const std::string& reason);
  std::uint64_t watch(const ChunkId& id, const ByteRange& range);

  // Writing.
  bool write(const Version& version, std::uint32_t chunk, std::span<const std::byte> bytes,
             Origin origin);
  bool keep(const Version& version, const ChunkMirror::Ticket& ticket,
            std::span<const std::byte> bytes, Origin origin);
  std::optional<Space::DiskFree> disk_free();
  void dig(std::vector<Hole> holes);

  // Looking after index and space.
  void look_after(std::stop_token stop);
  void retry_holes();
  void sync_files(std::stop_token stop);
  Result<void> flush();
  void measure();
  void make_room();
  std::uint32_t now_s() const;

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
  // Lock order: index, then mirror or failed_holes. Only the index is held during I/O.
  Guarded<Index> index;
  Guarded<ChunkMirror> mirror;
  Guarded<std::vector<Hole>> failed_holes;
  std::condition_variable_any dirty;  // of mirror
  std::jthread thread;
};

ChunkStore::Parts::Parts(const ChunkStoreOptions& given, CacheDirectory taken)
    : options(given),
      disk(given.disk != nullptr ? *given.disk : real_disk()),
      directory(std::move(taken)),
      opened(given.now()),
      opened_s(std::chrono::duration_cast<std::chrono::seconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count()),
      files(directory.objects_path(), disk),
      reading("read", given.now),
      writing("write", given.now),
      mirror(ChunkMirror(given.chunk_size_bytes,
                         Space(given.size_bytes_max, given.free_space_bytes_min,
                               directory.block_bytes(), kGrowthBytesMax))) {}

ChunkStore::Parts::~Parts() {
  thread = {};                         // asks it to stop and waits
  if (phase != Phase::kReady) return;  // the next run finds what this one has not
  const auto flushed = flush();
  if (!flushed || !failed_holes.lock()->empty()) return;
  auto open_index = index.lock();
  if (auto done = (*open_index)->mark_clean(true); !done) {
    spdlog::warn("cache.index_not_closed reason=\"{}\"", done.error().message);
  }
}

Result<void> ChunkStore::Parts::check_quota() const {
  auto state = mirror.lock();
  const std::uint64_t chunks =
      kChunksMin * state->space().chunk_charge(options.chunk_size_bytes) + kDirectoryBytes;
  // Twice: what has grown counts as used, and as much must be able to grow again.
  const std::uint64_t least = 2 * kGrowthBytesMax + chunks;
  const std::string given = "cache.size is " + std::to_string(options.size_bytes_max) + " bytes; ";
  if (options.size_bytes_max < least) {
    return Error{ErrorCode::kInvalid, given + "a cache with chunks of " +
                                          std::to_string(options.chunk_size_bytes) +
                                          " bytes needs at least " + std::to_string(least)};
  }
  // An index does not shrink with the quota.
  const std::uint64_t overhead = state->space().used();
  if (options.size_bytes_max < overhead + kGrowthBytesMax + chunks) {
    return Error{ErrorCode::kInvalid, given + "the index in " + directory.path().string() +
                                          " alone occupies " + std::to_string(overhead) +
                                          "; remove the directory or raise cache.size"};
  }
  return {};
}

// ------------------------------------------------------------------------------------ starting

Result<ChunkMirror> ChunkStore::Parts::load_mirror(ChunkIndex& from, std::stop_token stop) const {
  ChunkMirror loaded(options.chunk_size_bytes,
                     Space(options.size_bytes_max, options.free_space_bytes_min,
                           directory.block_bytes(), kGrowthBytesMax));
  auto done = from.load(
      [&](ObjectRecord object) {
        loaded.load(std::move(object));
        return !stop.stop_requested();
      },
      [&](const ChunkRecord& chunk) {
        loaded.load(chunk);
        return !stop.stop_requested();
      });
  if (!done) return done.error();
  if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "stopped"};
  loaded.finish_loading();
  return loaded;
}

void ChunkStore::Parts::load(std::stop_token stop) {
  auto open_index = index.lock();
  bool clean = (*open_index)->was_clean();
  auto mirrored = load_mirror(**open_index, stop);
  if (!mirrored && mirrored.error().code == ErrorCode::kCorrupt) {
    if (!start_over(*open_index, mirrored.error().message)) return;
    clean = false;
    mirrored = load_mirror(**open_index, stop);
  }
  if (!mirrored) {
    if (!stop.stop_requested()) writing.failed(mirrored.error().message);
    return;
  }
  spdlog::info("cache.loaded chunks={} clean={}", mirrored->size(), clean);
  *mirror.lock() = std::move(*mirrored);
  progress = {true, false, clean || files.none()};
}

bool ChunkStore::Parts::start_over(Index& damaged, const std::string& reason) {
  auto fresh = ChunkIndex::start_over(std::move(damaged), directory.index_path(),
                                      options.store_identity, reason);
  if (!fresh) {
    // Nothing can be kept from here on; what the mirror knows is still served.
    writing.failed(fresh.error().message);
    return false;
  }
  damaged = std::make_unique<ChunkIndex>(std::move(*fresh));
  return true;
}

// Frees what is on disk but not in the index: chunks that a crash kept from being indexed, files
// of an index that was lost. True when all has been looked at.
bool ChunkStore::Parts::recover(std::stop_token stop) {
  Result<void> done;
  auto listed = files.each([&](std::uint64_t object) {
    done = recover_file(object);
    return done.has_value() && !stop.stop_requested();
  });
  if (!listed) done = listed;
  if (!done) writing.failed(done.error().message);
  return done.has_value() && !stop.stop_requested();
}

Result<void> ChunkStore::Parts::recover_file(std::uint64_t object) {
  const auto chunk_size = mirror.lock()->file_chunk_size(object);
  if (!chunk_size) return files.remove(object);
  auto ranges = files.data(object);
  if (!ranges) {
    // Gone in the meantime: a reader found its last chunk damaged.
    if (ranges.error().code == ErrorCode::kNotFound) return {};
    return ranges.error();
  }
  for (const ByteRange& range : *ranges) {
    const std::uint64_t last = (range.offset + range.length - 1) / *chunk_size;
    for (std::uint64_t chunk = range.offset / *chunk_size; chunk <= last; ++chunk) {
      if (mirror.lock()->present({object, static_cast<std::uint32_t>(chunk)})) continue;
      if (auto done = files.punch(object, {chunk * *chunk_size, *chunk_size}); !done) return done;
    }
  }
  return {};
}

// The next step on the way to keeping chunks; again later when it fails.
void ChunkStore::Parts::get_ready(std::stop_token stop) {
  if (phase == Phase::kReady || !progress.loaded) return;
  if (!progress.marked) {
    // From here on a crash may leave chunks that the index does not know.
    auto open_index = index.lock();
    const auto done = (*open_index)->mark_clean(false);
    if (!done) return writing.failed(done.error().message);
    progress.marked = true;
  }
  if (!progress.leftovers_freed) progress.leftovers_freed = recover(stop);
  if (progress.leftovers_freed) phase = Phase::kReady;
}

void ChunkStore::Parts::start(std::stop_token stop) {
  load(stop);
  measure();
  // Waiting calls wait for this too when it is quick: nothing they bring is then turned away.
  if (progress.leftovers_freed) get_ready(stop);
  if (phase == Phase::kLoading) phase = Phase::kReading;
  phase.notify_all();
  make_room();  // the quota may be smaller than it was
  get_ready(stop);
}

void ChunkStore::Parts::run(std::stop_token stop) {
  start(stop);
  while (!stop.stop_requested()) {
    {
      auto state = mirror.lock();
      dirty.wait_for(state.mutex(), stop, kTick, [&] { return state->dirty() > 0; });
    }
    pause(kGather, stop);
    look_after(stop);
  }
}

// Nobody notifies this one: it ends by time or by the stop.
void ChunkStore::Parts::pause(std::chrono::milliseconds length, std::stop_token stop) {
  std::mutex alone;
  std::unique_lock lock(alone);
  std::condition_variable_any never;
  never.wait_for(lock, stop, length, [] { return false; });
}

// ------------------------------------------------------------------------------------- reading

void ChunkStore::Parts::wait_until_loaded() const {
  if (phase == Phase::kLoading) phase.wait(Phase::kLoading);
}

bool ChunkStore::Parts::read(const Version& version, std::uint32_t chunk, std::uint32_t offset,
                             std::span<std::byte> out) {
  wait_until_loaded();
  const auto found = mirror.lock()->find(version, chunk);
  if (!found || offset + std::uint64_t{out.size()} > found->range.length) return false;
  if (!reading.allows()) return false;
  const bool watched = !found->verified && watch(found->id, found->range) != 0;
  const auto right = copy(version, *found, offset, out);
  if (!right) {
    if (right.error().code == ErrorCode::kNotFound) {
      lose(found->id.object, right.error().message);
    } else {
      reading.failed(right.error().message);
      distrust(*found, "it cannot be read");
    }
    return false;
  }
  reading.succeeded();
  if (auto written = files.check_written(found->id.object); !written) {
    writing.failed(written.error().message);
    lose(found->id.object, written.error().message);
    return false;
  }
  if (!*right) {
    distrust(*found, "its bytes are not what was written");
    return false;
  }
  if (mirror.lock()->use(*found, watched, now_s())) return true;
  files.close(found->id.object);
  return false;
}

// Whether `out` holds the right bytes, provided that the chunk is still there afterwards.
Result<bool> ChunkStore::Parts::copy(const Version& version, const ChunkMirror::Found& found,
                                     std::uint32_t offset, std::span<std::byte> out) {
  if (found.verified) {
    const auto got = files.read(found.id.object, found.range.offset + offset, out);
    if (!got) return got.error();
    return *got == out.size();
  }
  // All of it is read and has to match its checksum: in pieces that stay in the processor's cache,
  // and straight to where they are wanted.
  constexpr std::size_t kPieceBytes = 64U << 10U;
  std::array<std::byte, kPieceBytes> elsewhere;
  ChunkChecksum checksum(version, found.id.chunk);
  for (std::uint64_t at = 0; at < found.range.length;) {
    const std::size_t length = std::min<std::uint64_t>(kPieceBytes, found.range.length - at);
    const bool wanted = at >= offset && at + length <= offset + out.size();
    const std::span<std::byte> piece =
        wanted ? out.subspan(at - offset, length) : std::span(elsewhere).first(length);
    const auto got = files.read(found.id.object, found.range.offset + at, piece);
    if (!got) return got.error();
    if (*got != length) return false;
    checksum.add(piece);
    if (!wanted) {
      const std::uint64_t first = std::max<std::uint64_t>(at, offset);
      const std::uint64_t end = std::min<std::uint64_t>(at + length, offset + out.size());
      if (first < end) std::copy_n(&piece[first - at], end - first, &out[first - offset]);
    }
    at += length;
  }
  return checksum.value() == found.checksum;
}

// Makes a chunk absent, unless it went by itself while it was read: then nothing is wrong with it.
void ChunkStore::Parts::distrust(const ChunkMirror::Found& found, const char* reason) {
  const auto hole = mirror.lock()->drop(found);
  if (!hole) {
    files.close(found.id.object);
    return;
  }
  ++corrupt_chunks;
  spdlog::warn("cache.corrupt file={:016x} chunk={} reason=\"{}\"", found.id.object, found.id.chunk,
               reason);
  dig({*hole});
}

// Makes all chunks of a file absent, unless eviction removed it.
void ChunkStore::Parts::lose(std::uint64_t object, const std::string& reason) {
  const auto lost = mirror.lock()->lose(object);
  if (!lost) return files.close(object);
  corrupt_chunks += lost->chunks;
  spdlog::warn("cache.corrupt file={:016x} chunks={} reason=\"{}\"", object, lost->chunks, reason);
  dig({lost->hole});
  dirty.notify_one();
}

// From here on the file is watched, if it is worth it: the number of the watch, or 0.
std::uint64_t ChunkStore::Parts::watch(const ChunkId& id, const ByteRange& range) {
  return range.length < kWatchedBytesMin ? 0 : files.watch(id.object, options.now());
}

// ------------------------------------------------------------------------------------- writing

bool ChunkStore::Parts::write(const Version& version, std::uint32_t chunk,
                              std::span<const std::byte> bytes, Origin origin) {
  wait_until_loaded();
  if (mirror.lock()->find(version, chunk)) return true;
  for (int round = 0; phase == Phase::kReady && round < kRoundsMax && writing.allows(); ++round) {
    const auto disk_now = disk_free();
    if (!disk_now) break;
    ChunkMirror::Ticket ticket;
    std::vector<Hole> holes;
    const auto admission =
        mirror.lock()->admit(version, chunk, bytes.size(), *disk_now, ticket, holes);
    if (admission == ChunkMirror::Admission::kPresent) return true;
    if (admission == ChunkMirror::Admission::kRefused) break;
    if (admission == ChunkMirror::Admission::kGranted) {
      if (keep(version, ticket, bytes, origin)) return true;
      break;
    }
    dig(std::move(holes));
  }
  ++unstored_chunks;
  return false;
}

bool ChunkStore::Parts::keep(const Version& version, const ChunkMirror::Ticket& ticket,
                             std::span<const std::byte> bytes, Origin origin) {
  const std::uint64_t checksum = chunk_checksum(version, ticket.id.chunk, bytes);
  const std::uint64_t object = ticket.id.object;
  Result<void> written;
  if (ticket.create) written = files.create(object, version.size);
  const std::uint64_t watched = written ? watch(ticket.id, ticket.range) : 0;
  if (written) written = files.write(object, ticket.range.offset, bytes);
  // The second call keeps a sync() that began before the write from ending the watch.
  const bool verified = watched != 0 && watch(ticket.id, ticket.range) == watched;
  std::vector<Hole> holes;
  bool kept = false;
  if (written) {
    writing.succeeded();
    kept = mirror.lock()->finish(ticket, checksum, verified, origin, now_s(), holes);
  } else {
    mirror.lock()->abandon(ticket, holes);
  }
  dig(std::move(holes));
  if (!written && written.error().code == ErrorCode::kNotFound) {
    lose(object, written.error().message);
  } else if (!written) {
    writing.failed(written.error().message);
  }
  dirty.notify_one();
  return kept;
}

std::optional<Space::DiskFree> ChunkStore::Parts::disk_free() {
  const std::uint64_t written = mirror.lock()->space().written();
  const auto bytes = disk.free_bytes(directory.path());
  if (bytes) return Space::DiskFree{*bytes, written};
  writing.failed(bytes.error().message);
  return std::nullopt;
}

void ChunkStore::Parts::dig(std::vector<Hole> holes) {
  while (!holes.empty()) {
    const Hole hole = holes.back();
    holes.pop_back();
    const auto dug =
        hole.whole_file ? files.remove(hole.id.object) : files.punch(hole.id.object, hole.range);
    // A file that is missing occupies nothing.
    if (!dug && dug.error().code != ErrorCode::kNotFound) {
      writing.failed(dug.error().message);
      failed_holes.lock()->push_back(hole);
      continue;
    }
    mirror.lock()->returned(hole, holes);
  }
}

// -------------------------------------------------------------------------------- looking after

void ChunkStore::Parts::look_after(std::stop_token stop) {
  if (!writing.allows()) return;
  get_ready(stop);
  retry_holes();
  make_room();
  (void)flush();  // its failure is logged and counted where it happens
  sync_files(stop);
}

void ChunkStore::Parts::sync_files(std::stop_token stop) {
  for (int count = 0; count < kSyncsMax && !stop.stop_requested(); ++count) {
    const auto object = files.settled(options.now());
    if (!object) return;
    const auto synced = files.sync(*object);
    if (synced) continue;
    if (synced.error().code != ErrorCode::kNotFound) writing.failed(synced.error().message);
    lose(*object, synced.error().message);
  }
}

void ChunkStore::Parts::retry_holes() {
  std::vector<Hole> again;
  std::swap(again, *failed_holes.lock());
  dig(std::move(again));
}

Result<void> ChunkStore::Parts::flush() {
  auto open_index = index.lock();
  while (true) {
    const IndexBatch batch = mirror.lock()->take_dirty(ChunkIndex::kBatchChanges);
    if (batch.empty()) return {};
    Result<void> done = Error{ErrorCode::kUnavailable, "the index is out"};
    if (*open_index) done = (*open_index)->write(batch);
    if (!done) {
      mirror.lock()->put_back(batch);
      writing.failed(done.error().message);
      if (done.error().code != ErrorCode::kCorrupt) return done;
      // What the index knew, the mirror knows.
      if (!start_over(*open_index, done.error().message)) return done;
      mirror.lock()->mark_all_dirty();
      continue;
    }
    writing.succeeded();
    measure();
    make_room();
  }
}

void ChunkStore::Parts::measure() {
  const std::uint64_t bytes = directory.overhead_bytes(disk) + files.directory_bytes();
  mirror.lock()->space().set_overhead(bytes);
}

// Evicts while the quota or the free-space floor is not kept, be it that the index has grown or
// that others fill the disk.
void ChunkStore::Parts::make_room() {
  while (true) {
    const auto disk_now = disk_free();
    if (!disk_now) return;
    std::vector<Hole> holes;
    mirror.lock()->make_room(*disk_now, holes);
    if (holes.empty()) return;
    dig(std::move(holes));
  }
}

std::uint32_t ChunkStore::Parts::now_s() const {
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(options.now() - opened);
  return static_cast<std::uint32_t>(opened_s + since.count());
}

// ----------------------------------------------------------------------------------- ChunkStore

Result<std::unique_ptr<ChunkStore>> ChunkStore::open(const ChunkStoreOptions& options) {
  auto directory = CacheDirectory::open(options.directory);
  if (!directory) return directory.error();
  if (auto done = check(options, *directory); !done) return done.error();
  auto index = ChunkIndex::open(directory->index_path(), options.store_identity);
  if (!index) return index.error();
  auto parts = std::make_unique<Parts>(options, std::move(*directory));
  *parts->index.lock() = std::make_unique<ChunkIndex>(std::move(*index));
  if (auto done = parts->files.prepare(); !done) return done.error();
  parts->measure();
  if (auto done = parts->check_quota(); !done) return done.error();
  Parts* const running = parts.get();
  if (options.background) {
    parts->thread = std::jthread([running](std::stop_token stop) { running->run(stop); });
  } else {
    parts->start({});
  }
  return std::unique_ptr<ChunkStore>(new ChunkStore(std::move(parts)));
}

ChunkStore::ChunkStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ChunkStore::~ChunkStore() = default;

std::uint32_t ChunkStore::chunk_size(const Version& version) const {
  parts_->wait_until_loaded();
  return parts_->mirror.lock()->chunk_size(version);
}

bool ChunkStore::contains(const Version& version, std::uint32_t chunk) const {
  parts_->wait_until_loaded();
  return parts_->mirror.lock()->find(version, chunk).has_value();
}

bool ChunkStore::read(const Version& version, std::uint32_t chunk, std::uint32_t offset,
                      std::span<std::byte> out) {
  return parts_->read(version, chunk, offset, out);
}

bool ChunkStore::write(const Version& version, std::uint32_t chunk,
                       std::span<const std::byte> bytes, Origin origin) {
  return parts_->write(version, chunk, bytes, origin);
}

ChunkStoreStats ChunkStore::stats() const {
  ChunkStoreStats stats;
  {
    auto state = parts_->mirror.lock();
    stats.bytes_used = state->space().used();
    stats.chunks = state->size();
    stats.prefetched_bytes = state->counters().prefetched_bytes;
    stats.prefetch_used_bytes = state->counters().prefetch_used_bytes;
    stats.evicted_bytes = state->counters().evicted_bytes;
  }
  stats.corrupt_chunks = parts_->corrupt_chunks;
  stats.unstored_chunks = parts_->unstored_chunks;
  stats.disk_healthy = parts_->reading.healthy() && parts_->writing.healthy();
  return stats;
}

Result<void> ChunkStore::flush() {
  parts_->wait_until_loaded();
  if (!parts_->options.background) parts_->look_after({});
  return parts_->flush();
}

}  // namespace augurfs
