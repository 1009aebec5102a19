#include "predictor/shadow.h"

#include <algorithm>
#include <utility>

#include "predictor/tick.h"

namespace augurfs {

bool Shadow::prefetch(const Version& version, ByteRange range, const Foreseen& foreseen) {
  std::vector<Run> runs = lacking(version, range);
  const FetchPace pace = options_.pace();
  const Time now = options_.now();
  auto state = state_.lock();
  while (!state->queue.empty() && state->queue.front() <= now) state->queue.pop_front();
  std::size_t chunks = state->queue.size();
  for (const Run& run : runs) chunks += run.count;
  if (chunks > kPrefetchQueueChunksMax) return false;
  for (const Run& run : runs) fly(*state, run, foreseen, now, pace);
  while (state->bytes > options_.bytes_max || state->chunks.size() > kChunksMax) {
    const std::uint32_t slot = state->staging.evict(Origin::kPrefetch);
    PrefetchTally& booked = state->tally(state->chunks[slot].account);
    booked.resident_bytes -= state->pending[slot].bytes;
    booked.wasted_bytes += state->pending[slot].bytes;
    state->drop(slot);
  }
  return true;
}

// What is neither there nor pending, cut as flights are.
std::vector<Shadow::Run> Shadow::lacking(const Version& version, ByteRange range) const {
  std::vector<Run> runs;
  range = clamp(range, version.size);
  const ChunkLayout layout = options_.layout(version);
  if (range.length == 0 || !layout.numbered()) return runs;
  const std::uint64_t hash = version_hash(version);
  const std::uint32_t first = layout.chunk_at(range.offset);
  const std::uint32_t last = layout.chunk_at(range.offset + range.length - 1);
  // One more than can be had, so that it is refused.
  const std::uint32_t end = last - first < kPrefetchQueueChunksMax
                                ? last + 1
                                : first + static_cast<std::uint32_t>(kPrefetchQueueChunksMax) + 1;
  const auto per_flight = static_cast<std::uint32_t>(
      std::max<std::uint64_t>(kFlightBytesMax / layout.chunk_size_bytes, 1));
  for (std::uint32_t chunk = first; chunk != end; ++chunk) {
    if (state_.lock()->chunks.find({hash, chunk}) != ChunkTable::kNone) continue;
    if (options_.is_there(version, chunk)) continue;
    if (!runs.empty() && runs.back().first + runs.back().count == chunk &&
        runs.back().count < per_flight) {
      ++runs.back().count;
    } else {
      runs.push_back({hash, layout, chunk, 1});
    }
  }
  return runs;
}

// In the slot that is free first.
void Shadow::fly(State& state, const Run& run, const Foreseen& foreseen, Time now,
                 const FetchPace& pace) const {
  state.flights.resize(static_cast<std::size_t>(std::max(options_.flights_max, 1)));
  Time& slot_free = *std::min_element(state.flights.begin(), state.flights.end());
  const Time begins = std::max(slot_free, now);
  std::uint64_t bytes = 0;
  for (std::uint32_t chunk = run.first; chunk != run.first + run.count; ++chunk) {
    if (state.chunks.find({run.version, chunk}) != ChunkTable::kNone) continue;
    const std::uint32_t slot = state.chunks.insert({run.version, chunk});
    state.pending.resize(state.chunks.slot_count());
    Pending& pending = state.pending[slot];
    pending.bytes = run.layout.bytes_of(chunk);
    pending.fetch_time = pace.time_of(pending.bytes);
    bytes += pending.bytes;
    pending.begins = begins;
    pending.arrives = begins + pace.time_of(bytes);
    state.bytes += pending.bytes;
    if (begins > now) state.queue.push_back(begins);
    state.chunks[slot].account = foreseen.account < kPrefetchAccountsMax ? foreseen.account : 0;
    state.staging.add(
        slot,
        {.key = ChunkIdHash()({run.version, chunk}),
         .bytes = pending.bytes,
         .origin = Origin::kPrefetch,
         .now_ms = to_milliseconds(pending.arrives.time_since_epoch()),
         .due_ms = to_milliseconds(std::max(foreseen.due, pending.arrives).time_since_epoch())});
    PrefetchTally& booked = state.tally(state.chunks[slot].account);
    ++booked.fetched_chunks;
    booked.fetch_time += pending.fetch_time;
    booked.resident_bytes += pending.bytes;
  }
  slot_free = begins + pace.time_of(bytes);
}

void Shadow::read(const Version& version, ByteRange range, Time time) {
  range = clamp(range, version.size);
  const ChunkLayout layout = options_.layout(version);
  if (range.length == 0 || !layout.numbered()) return;
  const std::uint64_t hash = version_hash(version);
  const std::uint32_t last = layout.chunk_at(range.offset + range.length - 1);
  auto state = state_.lock();
  for (std::uint32_t chunk = layout.chunk_at(range.offset); chunk <= last; ++chunk) {
    const std::uint32_t slot = state->chunks.find({hash, chunk});
    if (slot != ChunkTable::kNone) judge(*state, slot, time);
  }
}

// A reader has come for it.
void Shadow::judge(State& state, std::uint32_t slot, Time now) {
  const Pending& pending = state.pending[slot];
  PrefetchTally& booked = state.tally(state.chunks[slot].account);
  booked.resident_bytes -= pending.bytes;
  if (pending.arrives <= now) {
    booked.used_bytes += pending.bytes;
    ++booked.used_chunks;
  } else if (pending.begins <= now) {
    booked.late_bytes += pending.bytes;
    booked.head_start += std::min(now - pending.begins, pending.fetch_time);
  } else {
    // It waited for a slot, and whoever asks takes it out of the queue.
    --booked.fetched_chunks;
    booked.fetch_time -= pending.fetch_time;
  }
  state.staging.remove(slot);
  state.drop(slot);
}

void Shadow::end() {
  auto state = state_.lock();
  state->chunks = {};
  state->pending.clear();
  state->staging = Eviction();
  state->bytes = 0;
  state->flights.clear();
  state->queue.clear();
}

ShadowVerdict Shadow::verdict() const {
  const FetchPace pace = options_.pace();
  auto state = state_.lock();
  return {state->tallies, state->waited, pace.to_first_byte};
}

PrefetchTally& Shadow::State::tally(std::uint32_t account) {
  if (account >= tallies.size()) tallies.resize(account + 1);
  return tallies[account];
}

void Shadow::State::drop(std::uint32_t slot) {
  bytes -= pending[slot].bytes;
  chunks.erase(slot);
}

}  // namespace augurfs
