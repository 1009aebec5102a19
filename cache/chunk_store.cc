#include "cache/chunk_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "cache/chunk_store_parts.h"

namespace augurfs {
namespace {

// Rounds of eviction for one write, of at most ChunkMirror::kHolesMax chunks each.
constexpr int kRoundsMax = 16;
// Smaller chunks are verified by every read: their checksum costs less than the read itself, and
// much less than bringing each of many small files to the disk (see ChunkFiles::watch).
constexpr std::uint64_t kWatchedBytesMin = 32U << 10U;

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

// ------------------------------------------------------------------------------------- reading

void ChunkStore::Parts::wait_until_loaded() const {
  if (phase == Phase::kLoading) phase.wait(Phase::kLoading);
}

bool ChunkStore::Parts::read(const Version& version, std::uint32_t chunk, std::uint32_t offset,
                             std::span<std::byte> out, Counts counts) {
  wait_until_loaded();
  const auto found = mirror.lock()->find(version, chunk);
  if (!found || offset + std::uint64_t{out.size()} > found->range.length) return false;
  if (!reading.allows()) return false;
  const bool watched =
      !found->verified && watch(found->id, found->range, ChunkFiles::WatchFor::kReading) != 0;
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
  const bool there = counts == Counts::kAsUse ? mirror.lock()->use(*found, watched, now_s())
                                              : mirror.lock()->confirm(*found, watched);
  if (!there) close_if_gone(found->id.object);
  return there;
}

// An open file holds on to its blocks. One that is still there may be watched for other chunks.
void ChunkStore::Parts::close_if_gone(std::uint64_t object) {
  if (!mirror.lock()->file_chunk_size(object)) files.close(object);
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
  if (!hole) return close_if_gone(found.id.object);
  ++corrupt_chunks;
  spdlog::warn("cache.corrupt file={:016x} chunk={} reason={:?}", found.id.object, found.id.chunk,
               reason);
  dig({*hole});
}

// Makes all chunks of a file absent, unless eviction removed it.
void ChunkStore::Parts::lose(std::uint64_t object, const std::string& reason) {
  const auto lost = mirror.lock()->lose(object);
  if (!lost) return files.close(object);
  corrupt_chunks += lost->chunks;
  spdlog::warn("cache.corrupt file={:016x} chunks={} reason={:?}", object, lost->chunks, reason);
  dig({lost->hole});
  dirty.notify_one();
}

// From here on the file is watched, if it is worth it: the number of the watch, or 0.
std::uint64_t ChunkStore::Parts::watch(const ChunkId& id, const ByteRange& range,
                                       ChunkFiles::WatchFor what) {
  return range.length < kWatchedBytesMin ? 0 : files.watch(id.object, what, options.now());
}

// ------------------------------------------------------------------------------------- pinning

std::unique_ptr<PinnedFile> ChunkStore::Parts::pin(const Version& version) {
  wait_until_loaded();
  if (phase != Phase::kReady || !reading.healthy() || !writing.healthy()) return nullptr;
  const auto whole = mirror.lock()->whole(version);
  if (!whole || (!whole->verified && !verify(version, *whole))) return nullptr;
  if (!is_on_disk(whole->object)) return nullptr;
  // Not where it could not be told later whether somebody still has it.
  if (!files.is_alone(whole->object).has_value()) return nullptr;
  // Known as lent before it is, and looked at once more after: a chunk that turns out damaged in
  // the meantime is seen here, and a later one by has_to_wait().
  lent.lock()->insert(whole->object);
  if (!mirror.lock()->pin(whole->object)) return nullptr;
  auto file = files.lend(whole->object);
  const auto still = mirror.lock()->whole(version);
  const bool is_still_whole = still && still->object == whole->object && still->verified;
  // Whole and pinned: nobody writes to it any more. Nor did anybody since it was on the disk.
  if (!file || !is_still_whole || files.watched(whole->object)) {
    mirror.lock()->unpin(whole->object);
    return nullptr;
  }
  return std::make_unique<PinnedFile>(
      std::move(*file), version.size,
      [this, object = whole->object] { mirror.lock()->unpin(object); });
}

// Checks what was not yet. False when something is wrong, or it would take long.
bool ChunkStore::Parts::verify(const Version& version, const ChunkMirror::Whole& whole) {
  constexpr std::uint64_t kBytesMax = std::uint64_t{8} << 20U;
  std::vector<ChunkMirror::Found> doubtful;
  {
    std::uint64_t bytes = 0;
    auto state = mirror.lock();
    for (std::uint32_t chunk = 0; chunk < whole.chunks; ++chunk) {
      const auto found = state->find(version, chunk);
      if (!found) return false;
      if (found->verified) continue;
      bytes += found->range.length;
      if (bytes > kBytesMax) return false;
      doubtful.push_back(*found);
    }
  }
  if (files.watch(whole.object, ChunkFiles::WatchFor::kReading, options.now()) == 0) return false;
  for (const ChunkMirror::Found& found : doubtful) {
    const auto right = copy(version, found, 0, {});
    if (right && *right && mirror.lock()->confirm(found, true)) continue;
    if (right && !*right) distrust(found, "its bytes are not what was written");
    return false;
  }
  return true;
}

// What was only read since the watch began is there already, or nearly; what was written the
// store's thread brings there.
bool ChunkStore::Parts::is_on_disk(std::uint64_t object) {
  const auto watched = files.watched(object);
  if (!watched) return true;
  if (*watched == ChunkFiles::WatchFor::kReading) return sync_file(object);
  files.hasten(object);
  return false;
}

// ------------------------------------------------------------------------------------- writing

bool ChunkStore::Parts::write(const Version& version, std::uint32_t chunk,
                              std::span<const std::byte> bytes, const ChunkCause& cause) {
  wait_until_loaded();
  if (mirror.lock()->find(version, chunk)) return true;
  for (int round = 0; phase == Phase::kReady && round < kRoundsMax && writing.allows(); ++round) {
    const auto disk_now = disk_free();
    if (!disk_now) break;
    ChunkMirror::Ticket ticket;
    std::vector<Hole> holes;
    const auto admission = mirror.lock()->admit(version, chunk, bytes.size(), cause.beneficiary(),
                                                *disk_now, ticket, holes);
    if (admission == ChunkMirror::Admission::kPresent) return true;
    if (admission == ChunkMirror::Admission::kRefused) {
      tell_if_full(*disk_now, bytes.size());
      break;
    }
    if (admission == ChunkMirror::Admission::kGranted) {
      if (keep(version, ticket, bytes, cause)) return true;
      break;
    }
    dig(std::move(holes));
  }
  ++unstored_chunks;
  mirror.lock()->unkept(version, chunk, cause, bytes.size());
  return false;
}

// A disk that others have filled turns the cache off, and nothing errs.
void ChunkStore::Parts::tell_if_full(Space::DiskFree free, std::uint64_t wanted_bytes) {
  constexpr std::chrono::minutes kTellAgain{1};
  if (mirror.lock()->space().shortage_of_disk(wanted_bytes, free) == 0) return;
  const auto now = options.now();
  {
    auto next = tell_full_at.lock();
    if (now < *next) return;
    *next = now + kTellAgain;
  }
  spdlog::warn("cache.no_room directory={:?} disk_free_bytes={} cache.free_space={}",
               directory.path().string(), free.bytes, options.free_space_bytes_min);
}

bool ChunkStore::Parts::keep(const Version& version, const ChunkMirror::Ticket& ticket,
                             std::span<const std::byte> bytes, const ChunkCause& cause) {
  const std::uint64_t checksum = chunk_checksum(version, ticket.id.chunk, bytes);
  const std::uint64_t object = ticket.id.object;
  Result<void> written;
  if (ticket.create) written = files.create(object, version.size);
  const std::uint64_t watched =
      written ? watch(ticket.id, ticket.range, ChunkFiles::WatchFor::kWriting) : 0;
  if (written) written = files.write(object, ticket.range.offset, bytes);
  // The second call keeps a sync() that began before the write from ending the watch.
  const bool verified =
      watched != 0 && watch(ticket.id, ticket.range, ChunkFiles::WatchFor::kWriting) == watched;
  std::vector<Hole> holes;
  bool kept = false;
  if (written) {
    writing.succeeded();
    kept = mirror.lock()->finish(ticket, checksum, verified, cause, now_ms(), holes);
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
    Hole hole = holes.back();
    holes.pop_back();
    if (has_to_wait(hole)) {
      failed_holes.lock()->push_back(hole);
      continue;
    }
    const auto dug =
        hole.whole_file ? files.remove(hole.id.object) : files.punch(hole.id.object, hole.range);
    // A file that is missing occupies nothing.
    if (!dug && dug.error().code != ErrorCode::kNotFound) {
      writing.failed(dug.error().message);
      failed_holes.lock()->push_back(hole);
      continue;
    }
    if (hole.whole_file) lent.lock()->erase(hole.id.object);
    auto state = mirror.lock();
    if (hole.waits) state->unpin(hole.id.object);
    state->returned(hole, holes);
  }
}

// Who reads a file by himself, having been given it by pin() in this run or in one that was killed,
// must not see a hole; and as long as he has it open, the space of a removed file is not free.
// Meanwhile no more of the file is evicted: it would be in vain.
bool ChunkStore::Parts::has_to_wait(Hole& hole) {
  if (!strangers && !lent.lock()->contains(hole.id.object)) return false;
  if (!is_in_use(hole.id.object)) return false;
  if (!std::exchange(hole.waits, true)) mirror.lock()->spare(hole.id.object);
  return true;
}

// Where the disk cannot tell, nobody was given a file.
bool ChunkStore::Parts::is_in_use(std::uint64_t object) {
  const auto alone = files.is_alone(object);
  return alone.has_value() && !*alone;
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
  return parts_->read(version, chunk, offset, out, Parts::Counts::kAsUse);
}

bool ChunkStore::peek(const Version& version, std::uint32_t chunk, std::uint32_t offset,
                      std::span<std::byte> out) {
  return parts_->read(version, chunk, offset, out, Parts::Counts::kAsNothing);
}

void ChunkStore::use(const Version& version, std::uint32_t chunk) {
  parts_->wait_until_loaded();
  auto mirror = parts_->mirror.lock();
  const auto found = mirror->find(version, chunk);
  if (found) mirror->use(*found, false, parts_->now_s());
}

bool ChunkStore::write(const Version& version, std::uint32_t chunk,
                       std::span<const std::byte> bytes, const ChunkCause& cause) {
  return parts_->write(version, chunk, bytes, cause);
}

std::unique_ptr<PinnedFile> ChunkStore::pin(const Version& version) { return parts_->pin(version); }

ChunkStoreStats ChunkStore::stats() const {
  ChunkStoreStats stats;
  {
    auto state = parts_->mirror.lock();
    stats.bytes_used = state->space().used();
    stats.chunks = state->size();
    stats.prefetched_bytes = state->counters().prefetched_bytes;
    stats.prefetch_used_bytes = state->counters().prefetch_used_bytes;
    stats.evicted_bytes = state->counters().evicted_bytes;
    stats.regrets = state->eviction_stats();
  }
  stats.corrupt_chunks = parts_->corrupt_chunks;
  stats.unstored_chunks = parts_->unstored_chunks;
  stats.disk_healthy = parts_->reading.healthy() && parts_->writing.healthy();
  return stats;
}

VersionFate ChunkStore::fate(const Version& version) const {
  parts_->wait_until_loaded();
  return parts_->mirror.lock()->fate(version);
}

std::vector<PrefetchTally> ChunkStore::prefetch_tallies() const {
  return parts_->mirror.lock()->prefetch_tallies();
}

Result<void> ChunkStore::flush() {
  parts_->wait_until_loaded();
  if (!parts_->options.background) parts_->look_after({});
  return parts_->flush();
}

}  // namespace augurfs
