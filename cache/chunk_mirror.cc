#include "cache/chunk_mirror.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace augurfs {
namespace {

constexpr std::uint8_t kFrequencyMax = 3;
constexpr std::uint64_t kMsPerS = 1000;

// A version that comes back gets another number; this stays.
std::uint64_t chunk_key(const Version& version, std::uint32_t chunk) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // spreads neighbouring chunks
  return (version_hash(version) + chunk) * kOdd;
}

ChunkFate fate_of(const ChunkCause& cause, ChunkFate::End end) {
  if (cause.origin == Origin::kDemand) return {.end = end};
  return {.origin = cause.origin,
          .use = cause.demanded ? ChunkFate::Use::kLate : ChunkFate::Use::kNone,
          .end = end,
          .account = cause.account,
          .probability = cause.probability};
}

bool plausible(const ObjectRecord& object) {
  constexpr std::uint64_t kIdMax = std::uint64_t{1} << 62U;  // so that counting on never wraps
  const std::uint32_t chunk_size = object.chunk_size_bytes;
  return object.id > 0 && object.id < kIdMax && std::has_single_bit(chunk_size) &&
         chunk_size >= kChunkSizeBytesMin && chunk_size <= kChunkSizeBytesMax;
}

}  // namespace

ChunkMirror::ChunkMirror(std::uint32_t chunk_size_bytes, Space space)
    : chunk_size_bytes_(chunk_size_bytes), space_(space) {}

std::uint32_t ChunkMirror::chunk_size(const Version& version) const {
  if (const auto found = objects_.find(version); found != objects_.end()) {
    return found->second.chunk_size_bytes;
  }
  if (former_chunk_sizes_.empty()) return chunk_size_bytes_;
  const auto former = former_chunk_sizes_.find(version);
  return former != former_chunk_sizes_.end() ? former->second : chunk_size_bytes_;
}

std::optional<ChunkMirror::Found> ChunkMirror::find(const Version& version,
                                                    std::uint32_t chunk) const {
  const auto entry = objects_.find(version);
  if (entry == objects_.end()) return std::nullopt;
  const ChunkId id{entry->second.id, chunk};
  const std::uint32_t at = chunks_.find(id);
  if (at == ChunkTable::kNone) return std::nullopt;
  const auto& slot = chunks_[at];
  return Found{at, slot.generation, id, range(*entry, chunk), slot.checksum, slot.verified};
}

std::optional<std::uint32_t> ChunkMirror::file_chunk_size(std::uint64_t id) const {
  const Entry* entry = object(id);
  if (entry == nullptr) return std::nullopt;
  return entry->second.chunk_size_bytes;
}

bool ChunkMirror::confirm(const Found& found, bool verified) {
  auto& slot = chunks_[found.slot];
  if (slot.generation != found.generation) return false;
  if (verified) mark_verified(found.slot);
  return true;
}

void ChunkMirror::mark_verified(std::uint32_t slot) {
  if (std::exchange(chunks_[slot].verified, true)) return;
  ++object(chunks_[slot].id.object)->second.verified;
}

bool ChunkMirror::use(const Found& found, bool verified, std::uint32_t now_s) {
  if (!confirm(found, verified)) return false;
  auto& slot = chunks_[found.slot];
  if (slot.frequency < kFrequencyMax) ++slot.frequency;
  if (std::exchange(slot.awaited, false)) {
    counters_.prefetch_used_bytes += found.range.length;
    PrefetchTally& booked = tally(slot.account);
    booked.resident_bytes -= found.range.length;
    booked.used_bytes += found.range.length;
    ++booked.used_chunks;
    fates_.used(fate_id(found.id));
  }
  eviction_.use(found.slot);
  if (std::int64_t{now_s} - slot.last_use_s >= kLastUseResolutionS && dirty() < kDirtyMax) {
    slot.last_use_s = now_s;
    mark_dirty(found.slot);
  }
  return true;
}

std::optional<Hole> ChunkMirror::drop(const Found& found) {
  if (chunks_[found.slot].generation != found.generation) return std::nullopt;
  return remove(found.slot, ChunkFate::End::kDamaged);
}

std::optional<ChunkMirror::Lost> ChunkMirror::lose(std::uint64_t id) {
  Entry* entry = object(id);
  if (entry == nullptr) return std::nullopt;
  Lost lost{entry->second.chunks, {{id, 0}, {}, space_.file_charge(entry->first.size), true}};
  for (std::uint32_t slot = 0; slot < chunks_.slot_count() && entry->second.chunks > 0; ++slot) {
    if (!chunks_[slot].present || chunks_[slot].id.object != id) continue;
    lost.hole.charge += space_.chunk_charge(range(*entry, chunks_[slot].id.chunk).length);
    take_out(slot, ChunkFate::End::kDamaged);
    --entry->second.chunks;
  }
  forget(*entry);
  return lost;
}

std::optional<ChunkMirror::Whole> ChunkMirror::whole(const Version& version) const {
  const auto entry = objects_.find(version);
  if (entry == objects_.end()) return std::nullopt;
  const Object& object = entry->second;
  const std::uint64_t chunks = chunk_count(version.size, object.chunk_size_bytes);
  if (chunks == 0 || object.chunks != chunks) return std::nullopt;
  return Whole{object.id, version.size, object.chunks, object.verified == object.chunks};
}

bool ChunkMirror::pin(std::uint64_t id) {
  constexpr std::uint64_t kPinnedShare = 2;
  const Entry* entry = object(id);
  if (entry == nullptr) return false;
  const auto is_whole = whole(entry->first);
  if (!is_whole || !is_whole->verified) return false;
  const std::uint64_t more = entry->second.pins == 0 ? entry->first.size : 0;
  if (pinned_bytes_ + more > space_.for_chunks() / kPinnedShare) return false;
  spare(id);
  return true;
}

void ChunkMirror::spare(std::uint64_t id) {
  Entry* entry = object(id);
  if (entry != nullptr && ++entry->second.pins == 1) pinned_bytes_ += entry->first.size;
}

void ChunkMirror::unpin(std::uint64_t id) {
  Entry* entry = object(id);
  if (entry == nullptr || entry->second.pins == 0) return;  // lost in the meantime
  if (--entry->second.pins == 0) pinned_bytes_ -= entry->first.size;
}

ChunkMirror::Admission ChunkMirror::admit(const Version& version, std::uint32_t chunk,
                                          std::uint64_t length, Origin origin, Space::DiskFree disk,
                                          Ticket& ticket, std::vector<Hole>& holes) {
  const std::uint32_t size = chunk_size(version);
  if (chunk >= chunk_count(version.size, size)) return Admission::kRefused;
  if (length != chunk_range(version.size, size, chunk).length) return Admission::kRefused;
  const auto known = objects_.find(version);
  if (known != objects_.end()) {
    const ChunkId id{known->second.id, chunk};
    if (present(id)) return Admission::kPresent;
    if (busy_.contains(id)) return Admission::kRefused;
  }
  if (dirty() >= kDirtyMax) return Admission::kRefused;
  const std::uint64_t file_charge = known == objects_.end() ? space_.file_charge(version.size) : 0;
  const std::uint64_t charge = space_.chunk_charge(length);
  const std::uint64_t shortage = space_.shortage(charge + file_charge, disk);
  if (shortage > 0) {
    return evict(shortage, origin, holes) > 0 ? Admission::kMakeRoom : Admission::kRefused;
  }
  Entry& entry = object_for(version);
  ticket = {{entry.second.id, chunk}, range(entry, chunk), charge, entry.second.chunks == 0};
  space_.take(charge);
  ++entry.second.busy;
  busy_.insert(ticket.id);
  return Admission::kGranted;
}

bool ChunkMirror::finish(const Ticket& ticket, std::uint64_t checksum, bool verified,
                         const ChunkCause& cause, std::uint64_t now_ms, std::vector<Hole>& holes) {
  Entry* entry = object(ticket.id.object);
  if (entry == nullptr) {  // its file was lost in the meantime
    abandon(ticket, holes);
    return false;
  }
  space_.settle(ticket.charge);
  busy_.erase(ticket.id);
  --entry->second.busy;
  ++entry->second.chunks;
  const std::uint32_t at = chunks_.insert(ticket.id);
  auto& slot = chunks_[at];
  slot.checksum = checksum;
  slot.last_use_s = static_cast<std::uint32_t>(now_ms / kMsPerS);
  slot.origin = cause.origin;
  if (verified) mark_verified(at);
  slot.awaited = cause.origin == Origin::kPrefetch && !cause.demanded;
  slot.account = cause.account;
  if (cause.origin == Origin::kPrefetch) counters_.prefetched_bytes += ticket.range.length;
  if (cause.demanded) counters_.prefetch_used_bytes += ticket.range.length;
  book(cause, ticket.range.length, true);
  fates_.came(fate_id(ticket.id), fate_of(cause, ChunkFate::End::kNone));
  eviction_.add(at, {.key = chunk_key(entry->first, ticket.id.chunk),
                     .bytes = static_cast<std::uint32_t>(ticket.range.length),
                     .origin = cause.beneficiary(),
                     .now_ms = now_ms,
                     .due_ms = now_ms + static_cast<std::uint64_t>(cause.due_in.count())});
  mark_dirty(at);
  return true;
}

void ChunkMirror::unkept(const Version& version, std::uint32_t chunk, const ChunkCause& cause,
                         std::uint64_t bytes) {
  book(cause, bytes, false);
  fates_.came({version_hash(version), chunk}, fate_of(cause, ChunkFate::End::kUnkept));
}

VersionFate ChunkMirror::fate(const Version& version) const {
  VersionFate fate;
  fate.chunk_size_bytes = chunk_size(version);
  fate.chunks = chunk_count(version.size, fate.chunk_size_bytes);
  fate.remembered = fates_.of(version_hash(version));
  const auto entry = objects_.find(version);
  if (entry == objects_.end() || entry->second.chunks == 0) return fate;
  fate.cached_chunks = entry->second.chunks;
  fate.cached_bytes = fate.cached_chunks * fate.chunk_size_bytes;
  const auto last = static_cast<std::uint32_t>(fate.chunks - 1);  // may be shorter
  if (present({entry->second.id, last})) {
    fate.cached_bytes -= fate.chunk_size_bytes - range(*entry, last).length;
  }
  return fate;
}

// A file's number goes with the file; its fate stays.
ChunkId ChunkMirror::fate_id(ChunkId id) const {
  return {version_hash(object(id.object)->first), id.chunk};
}

PrefetchTally& ChunkMirror::tally(std::uint32_t account) {
  if (account >= kPrefetchAccountsMax) account = 0;
  if (account >= tallies_.size()) tallies_.resize(account + 1);
  return tallies_[account];
}

// A chunk of a prefetch has come.
void ChunkMirror::book(const ChunkCause& cause, std::uint64_t bytes, bool kept) {
  if (cause.origin != Origin::kPrefetch) return;
  PrefetchTally& booked = tally(cause.account);
  ++booked.fetched_chunks;
  booked.fetch_time += cause.fetch_time;
  if (cause.demanded) {
    booked.late_bytes += bytes;
    booked.head_start += cause.head_start;
  } else {
    (kept ? booked.resident_bytes : booked.wasted_bytes) += bytes;
  }
}

std::optional<Hole> ChunkMirror::adopt_hole(ChunkId id) {
  if (!busy_.insert(id).second) return std::nullopt;
  Entry& entry = *object(id.object);
  const ByteRange bytes = range(entry, id.chunk);
  const std::uint64_t charge = space_.chunk_charge(bytes.length);
  space_.adopt(charge);
  ++entry.second.busy;
  return Hole{id, bytes, charge};
}

void ChunkMirror::abandon(const Ticket& ticket, std::vector<Hole>& holes) {
  space_.settle(ticket.charge);
  // Part of it may be on disk: the charge is held, and the chunk busy, until that is punched.
  const bool lost = object(ticket.id.object) == nullptr;
  holes.push_back({ticket.id, ticket.range, ticket.charge, lost});
}

void ChunkMirror::returned(const Hole& hole, std::vector<Hole>& holes) {
  space_.give_back(hole.charge);
  busy_.erase(hole.id);
  Entry* entry = object(hole.id.object);
  if (entry == nullptr) return;
  --entry->second.busy;
  remove_if_unused(*entry, holes);
}

void ChunkMirror::make_room(Space::DiskFree disk, std::vector<Hole>& holes) {
  const std::uint64_t shortage = space_.shortage(0, disk);
  if (shortage > 0) evict(shortage, Origin::kDemand, holes);
}

void ChunkMirror::load(ObjectRecord record) {
  if (!plausible(record)) {
    dirty_objects_.push_back(record.id);
    return;
  }
  next_id_ = std::max(next_id_, record.id + 1);
  // A crash between the removal of a version and its return leaves it there twice; the later
  // number is the living one.
  if (const auto twin = objects_.find(record.version); twin != objects_.end()) {
    if (twin->second.id > record.id) {
      dirty_objects_.push_back(record.id);
      return;
    }
    forget(*twin);
  }
  Entry& entry = *objects_.emplace(std::move(record.version), Object{}).first;
  entry.second.id = record.id;
  entry.second.chunk_size_bytes = record.chunk_size_bytes;
  by_id_.emplace(record.id, &entry);
}

void ChunkMirror::load(const ChunkRecord& record) {
  Entry* entry = object(record.id.object);
  if (entry == nullptr ||
      record.id.chunk >= chunk_count(entry->first.size, entry->second.chunk_size_bytes)) {
    dirty_chunks_.push_back(record.id);
    return;
  }
  if (++entry->second.chunks == 1) space_.adopt(space_.file_charge(entry->first.size));
  space_.adopt(space_.chunk_charge(range(*entry, record.id.chunk).length));
  auto& slot = chunks_[chunks_.insert(record.id)];
  slot.checksum = record.checksum;
  slot.last_use_s = record.last_use_s;
  slot.origin = record.origin;
  slot.frequency = record.frequency;
}

void ChunkMirror::finish_loading() {
  std::vector<std::uint64_t> empty;
  for (const auto& [version, object] : objects_) {
    if (object.chunks == 0) empty.push_back(object.id);
  }
  for (const std::uint64_t id : empty) forget(*object(id));
  // Oldest first; one integer holds time and slot, which sorts faster than a pair.
  std::vector<std::uint64_t> order;
  order.reserve(chunks_.size());
  for (std::uint32_t slot = 0; slot < chunks_.slot_count(); ++slot) {
    order.push_back(std::uint64_t{chunks_[slot].last_use_s} << 32U | slot);
  }
  std::sort(order.begin(), order.end());
  for (const std::uint64_t time_and_slot : order) {
    const auto slot =
        static_cast<std::uint32_t>(time_and_slot & std::numeric_limits<std::uint32_t>::max());
    const auto& chunk = chunks_[slot];
    const Entry& entry = *object(chunk.id.object);
    eviction_.add(slot, {.key = chunk_key(entry.first, chunk.id.chunk),
                         .bytes = static_cast<std::uint32_t>(range(entry, chunk.id.chunk).length),
                         .origin = chunk.origin,
                         .uses = chunk.frequency});
  }
}

IndexBatch ChunkMirror::take_dirty(std::size_t changes_max) {
  IndexBatch batch;
  // Objects first: the row of a chunk means nothing without that of its object.
  for (; changes_max > 0 && !dirty_objects_.empty(); --changes_max, dirty_objects_.pop_front()) {
    const std::uint64_t id = dirty_objects_.front();
    if (const Entry* entry = object(id)) {
      batch.objects.push_back({id, entry->first, entry->second.chunk_size_bytes});
    } else {
      batch.removed_objects.push_back(id);
    }
  }
  for (; changes_max > 0 && !dirty_chunks_.empty(); --changes_max, dirty_chunks_.pop_front()) {
    const ChunkId id = dirty_chunks_.front();
    const std::uint32_t at = chunks_.find(id);
    if (at == ChunkTable::kNone) {
      batch.removed_chunks.push_back(id);
      continue;
    }
    auto& slot = chunks_[at];
    slot.dirty = false;
    batch.chunks.push_back({id, slot.checksum, slot.last_use_s, slot.origin, slot.frequency});
  }
  return batch;
}

void ChunkMirror::put_back(const IndexBatch& batch) {
  for (const auto& object : batch.objects) dirty_objects_.push_back(object.id);
  for (const auto id : batch.removed_objects) dirty_objects_.push_back(id);
  for (const auto& chunk : batch.chunks) dirty_chunks_.push_back(chunk.id);
  for (const auto& id : batch.removed_chunks) dirty_chunks_.push_back(id);
}

void ChunkMirror::mark_all_dirty() {
  for (const auto& [id, entry] : by_id_) dirty_objects_.push_back(id);
  for (std::uint32_t slot = 0; slot < chunks_.slot_count(); ++slot) {
    if (chunks_[slot].present) mark_dirty(slot);
  }
}

ChunkMirror::Entry* ChunkMirror::object(std::uint64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

ChunkMirror::Entry& ChunkMirror::object_for(const Version& version) {
  if (const auto found = objects_.find(version); found != objects_.end()) return *found;
  const std::uint32_t size = chunk_size(version);
  Entry& entry = *objects_.emplace(version, Object{next_id_++, size}).first;
  by_id_.emplace(entry.second.id, &entry);
  dirty_objects_.push_back(entry.second.id);
  space_.adopt(space_.file_charge(version.size));
  return entry;
}

void ChunkMirror::forget(Entry& entry) {
  if (entry.second.chunk_size_bytes != chunk_size_bytes_) {
    former_chunk_sizes_.emplace(entry.first, entry.second.chunk_size_bytes);
  }
  if (entry.second.pins > 0) pinned_bytes_ -= entry.first.size;
  dirty_objects_.push_back(entry.second.id);
  by_id_.erase(entry.second.id);
  objects_.erase(objects_.find(entry.first));
}

ByteRange ChunkMirror::range(const Entry& entry, std::uint32_t chunk) const {
  return chunk_range(entry.first.size, entry.second.chunk_size_bytes, chunk);
}

Hole ChunkMirror::remove(std::uint32_t slot, ChunkFate::End end) {
  const ChunkId id = chunks_[slot].id;
  Entry& entry = *object(id.object);
  const ByteRange bytes = range(entry, id.chunk);
  Hole hole{id, bytes, space_.chunk_charge(bytes.length), false};
  take_out(slot, end);
  --entry.second.chunks;
  if (entry.second.chunks == 0 && entry.second.busy == 0) {
    hole.whole_file = true;
    hole.charge += space_.file_charge(entry.first.size);
    forget(entry);
  } else {
    ++entry.second.busy;
    busy_.insert(id);
  }
  return hole;
}

void ChunkMirror::take_out(std::uint32_t slot, ChunkFate::End end) {
  eviction_.remove(slot);
  fates_.ended(fate_id(chunks_[slot].id), end);
  if (chunks_[slot].verified) --object(chunks_[slot].id.object)->second.verified;
  if (chunks_[slot].awaited) {
    const ChunkId id = chunks_[slot].id;
    const std::uint64_t bytes = range(*object(id.object), id.chunk).length;
    PrefetchTally& booked = tally(chunks_[slot].account);
    booked.resident_bytes -= bytes;
    booked.wasted_bytes += bytes;
  }
  if (!chunks_[slot].dirty) dirty_chunks_.push_back(chunks_[slot].id);
  chunks_.erase(slot);
}

void ChunkMirror::remove_if_unused(Entry& entry, std::vector<Hole>& holes) {
  if (entry.second.chunks > 0 || entry.second.busy > 0) return;
  holes.push_back({{entry.second.id, 0}, {}, space_.file_charge(entry.first.size), true});
  forget(entry);
}

std::uint64_t ChunkMirror::evict(std::uint64_t shortage, Origin cause, std::vector<Hole>& holes) {
  const auto end =
      cause == Origin::kDemand ? ChunkFate::End::kForDemand : ChunkFate::End::kForPrefetch;
  const Eviction::Stays stays = [this](std::uint32_t slot) {
    return object(chunks_[slot].id.object)->second.pins > 0;
  };
  std::uint64_t freed = 0;
  for (std::size_t count = 0; freed < shortage && count < kHolesMax; ++count) {
    const std::uint32_t victim = eviction_.evict(cause, stays);
    if (victim == Eviction::kNone) break;
    holes.push_back(remove(victim, end));
    freed += holes.back().charge;
    counters_.evicted_bytes += holes.back().range.length;
  }
  return freed;
}

void ChunkMirror::mark_dirty(std::uint32_t slot) {
  if (std::exchange(chunks_[slot].dirty, true)) return;
  dirty_chunks_.push_back(chunks_[slot].id);
}

}  // namespace augurfs
