#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "cache/chunk_store_parts.h"

namespace augurfs {
namespace {

// Changes of the index gather so long before they are written: what a kill may cost in warmth.
constexpr std::chrono::milliseconds kGather{50};
// How often quota, floor and the index are looked after when nothing else happens.
constexpr std::chrono::seconds kTick{1};
// Beside the index, directories grow as files come: a few blocks between two measurements.
constexpr std::uint64_t kGrowthBytesMax = ChunkIndex::kGrowthBytesMax + (256U << 10U);
// Files brought to the disk in a row: the index waits meanwhile.
constexpr int kSyncsMax = 4;
// A cache that holds fewer chunks than this helps nobody.
constexpr std::uint64_t kChunksMin = 4;
// The 256 directories of the chunk files, at a block each.
constexpr std::uint64_t kDirectoryBytes = 1U << 20U;

}  // namespace

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
  // The next run looks for those who still have a file that this one has handed out.
  const auto given = *lent.lock();
  if (std::ranges::any_of(given, [&](std::uint64_t object) { return is_in_use(object); })) return;
  auto open_index = index.lock();
  if (auto done = (*open_index)->mark_clean(mirror.lock()->size()); !done) {
    spdlog::warn("cache.index_not_closed reason={:?}", done.error().message);
  }
}

Result<void> ChunkStore::Parts::check_quota() const {
  auto state = mirror.lock();
  const std::uint64_t chunks =
      kChunksMin * state->space().chunk_charge(options.chunk_size_bytes) + kDirectoryBytes;
  // Twice: what has grown counts as used, and as much must be able to grow again.
  const std::uint64_t least = 2 * kGrowthBytesMax + chunks;
  // In whole MiB: what is there rounded down, what is needed up.
  const auto mib = [](std::uint64_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; };
  constexpr std::uint64_t kMib = 1 << 20;
  const std::string given =
      "cache.size leaves " + mib(options.size_bytes_max) + " for chunks and index; ";
  if (options.size_bytes_max < least) {
    return Error{ErrorCode::kInvalid,
                 given + "with chunks of " + std::to_string(options.chunk_size_bytes >> 10U) +
                     " KiB it needs at least " + std::to_string(least) + " bytes (" +
                     mib(least + kMib - 1) + "): raise cache.size or lower cache.chunk_size"};
  }
  // An index does not shrink with the quota.
  const std::uint64_t overhead = state->space().used();
  if (options.size_bytes_max < overhead + kGrowthBytesMax + chunks) {
    return Error{ErrorCode::kInvalid, given + "the index in " + directory.path().string() +
                                          " alone occupies " + mib(overhead + kMib - 1) +
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
  std::optional<std::uint64_t> clean_chunks = (*open_index)->clean_chunks();
  auto mirrored = load_mirror(**open_index, stop);
  if (!mirrored && mirrored.error().code == ErrorCode::kCorrupt) {
    if (!start_over(*open_index, mirrored.error().message)) return;
    clean_chunks.reset();
    mirrored = load_mirror(**open_index, stop);
  }
  if (!mirrored) {
    if (!stop.stop_requested()) writing.failed(mirrored.error().message);
    return;
  }
  // In a new directory nothing can be amiss.
  const bool clean = clean_chunks == mirrored->size() || files.none();
  spdlog::info("cache.loaded chunks={} clean={}", mirrored->size(), clean);
  *mirror.lock() = std::move(*mirrored);
  progress = {true, false, clean};
  strangers = !progress.leftovers_freed;
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
  const bool in_use = is_in_use(object);  // by a program that an earlier run gave it to
  if (in_use) lent.lock()->insert(object);
  const auto chunk_size = mirror.lock()->file_chunk_size(object);
  if (!chunk_size && !in_use) return files.remove(object);
  if (!chunk_size) return adopt_file(object);
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
      if (in_use) {
        adopt_chunk({object, static_cast<std::uint32_t>(chunk)});
        continue;
      }
      if (auto done = files.punch(object, {chunk * *chunk_size, *chunk_size}); !done) return done;
    }
  }
  return {};
}

// What the index does not know and cannot be freed yet is charged till then. It may be found twice.
void ChunkStore::Parts::adopt_chunk(ChunkId id) {
  const auto hole = mirror.lock()->adopt_hole(id);
  if (hole) failed_holes.lock()->push_back(*hole);
}

Result<void> ChunkStore::Parts::adopt_file(std::uint64_t object) {
  const auto bytes = files.allocated_bytes(object);
  if (!bytes) return bytes.error();
  {
    auto holes = failed_holes.lock();
    const auto is_it = [&](const Hole& hole) { return hole.id.object == object; };
    if (std::ranges::any_of(*holes, is_it)) return {};
    holes->push_back({.id = {object, 0}, .charge = *bytes, .whole_file = true});
  }
  mirror.lock()->space().adopt(*bytes);
  return {};
}

// The next step on the way to keeping chunks; again later when it fails.
void ChunkStore::Parts::get_ready(std::stop_token stop) {
  if (phase == Phase::kReady || !progress.loaded) return;
  if (!progress.marked) {
    // From here on a crash may leave chunks that the index does not know.
    auto open_index = index.lock();
    const auto done = (*open_index)->mark_in_use();
    if (!done) return writing.failed(done.error().message);
    progress.marked = true;
  }
  if (!progress.leftovers_freed) progress.leftovers_freed = recover(stop);
  strangers = !progress.leftovers_freed;
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
    sync_file(*object);
  }
}

bool ChunkStore::Parts::sync_file(std::uint64_t object) {
  const auto synced = files.sync(object);
  if (synced) return true;
  if (synced.error().code != ErrorCode::kNotFound) writing.failed(synced.error().message);
  lose(object, synced.error().message);
  return false;
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
    spdlog::debug("cache.index_written objects={} chunks={} removed={}", batch.objects.size(),
                  batch.chunks.size(), batch.removed_chunks.size());
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

std::uint64_t ChunkStore::Parts::now_ms() const {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(options.now() - opened);
  return static_cast<std::uint64_t>(opened_s * 1000 + since.count());
}

}  // namespace augurfs
