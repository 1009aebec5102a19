#include "predictor/experts/ghost_cache.h"

#include <algorithm>
#include <utility>

namespace augurfs {
namespace {

// A clock may jump back: what is that far off has arrived, or would never.
constexpr Tick kFarOff = std::chrono::minutes(10);

}  // namespace

GhostCache::GhostCache(const GhostCacheOptions& options)
    : options_(options),
      cache_(options.cache_bytes, options.eviction),
      slots_(static_cast<std::size_t>(std::max(options.flights_max, 1.0))) {}

Tick GhostCache::read(const Chunk& chunk, Tick now, Tick fetch) {
  land(now);
  settle(chunk.id);
  if (cache_.use(chunk.id, ledger_)) return {};
  const auto [flying, missed] = flying_.try_emplace(chunk.id);
  if (missed) {
    fetched_bytes_ += chunk.bytes;
    flying->second = {chunk.bytes, true, now + fetch, now};
    demanded_.push_back(chunk.id);
    return fetch;
  }
  flying->second.joined = true;
  // It goes first from now on.
  flying->second.arrives = std::clamp(flying->second.arrives, now, now + fetch);
  return flying->second.arrives - now;
}

void GhostCache::prefetch(std::span<const Chunk> chunks, Tick now, Tick due, Tick fetch,
                          double flights) {
  land(now);
  const auto slot = std::min_element(slots_.begin(), slots_.end());
  const Tick begins = *slot - now > kFarOff ? now : std::max(*slot, now);
  bool began = false;
  for (const Chunk& chunk : chunks) {
    if (cache_.contains(chunk.id) || flying_.contains(chunk.id)) continue;
    if (prefetched_.size() >= options_.chunks_flying_max) break;
    flying_[chunk.id] = {chunk.bytes, false, begins + fetch, due};
    prefetched_.push_back(chunk.id);
    fetched_bytes_ += chunk.bytes;
    await_proof(chunk);
    began = true;
  }
  if (!began) return;
  // Of less than one slot there is one, which is the slower.
  const double share = flights * std::max(1 / options_.flights_max, 1.0);
  *slot = begins + Tick(static_cast<Tick::rep>(static_cast<double>(fetch.count()) * share));
}

void GhostCache::await_proof(const Chunk& chunk) {
  settle(chunk.id);  // evicted unused, and fetched again
  unproven_[chunk.id] = {chunk.bytes, period_};
  unproven_order_.emplace_back(chunk.id, period_);
  unproven_bytes_ += chunk.bytes;
  if (unproven_order_.size() > options_.unproven_max) settle_oldest();
}

void GhostCache::settle(ChunkId id) {
  const auto found = unproven_.find(id);
  if (found == unproven_.end()) return;
  unproven_bytes_ -= found->second.bytes;
  unproven_.erase(found);
}

void GhostCache::settle_oldest() {
  const auto& [id, period] = unproven_order_.front();
  const auto found = unproven_.find(id);
  if (found != unproven_.end() && found->second.period == period) settle(id);
  unproven_order_.pop_front();
}

void GhostCache::end_period() {
  ++period_;
  while (!unproven_order_.empty() &&
         period_ - unproven_order_.front().second >= options_.periods_to_prove) {
    settle_oldest();
  }
}

void GhostCache::land(Tick now) {
  land(demanded_, now);
  land(prefetched_, now);
}

void GhostCache::land(std::deque<ChunkId>& order, Tick now) {
  while (!order.empty()) {
    const auto found = flying_.find(order.front());
    const Flying& flying = found->second;
    const bool is_far_off = flying.arrives - now > kFarOff;
    const bool is_too_much = order.size() > options_.chunks_flying_max;
    if (flying.arrives > now && !is_far_off && !is_too_much) return;
    cache_.add(found->first, flying.bytes, flying.joined ? Origin::kDemand : Origin::kPrefetch,
               flying.arrives, flying.due, ledger_);
    flying_.erase(found);
    order.pop_front();
  }
}

}  // namespace augurfs
