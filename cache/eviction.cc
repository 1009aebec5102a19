#include "cache/eviction.h"

#include <algorithm>
#include <bit>

namespace augurfs {
namespace {

// The small queue's share of the core; from the paper, where anything from 5 to 20 % does.
constexpr std::uint64_t kSmallPart = 10;
// Uses after it came in that make a newcomer one of the main queue.
constexpr std::uint8_t kUsesToStay = 2;
constexpr std::uint8_t kUsesMax = 3;
// Uses of a chunk are one when fewer uses of others lie between them: as many as programs may read
// at once, but no more than a fiftieth of the chunks, so that a newcomer can be used several times
// on its way through the small queue.
constexpr std::size_t kTogetherMax = 64;
constexpr std::size_t kTogetherPart = 50;
// A program that waits for other reads comes later than was expected; that is no mistake yet.
constexpr std::uint32_t kOverdueMs = 1000;

std::uint32_t fingerprint_of(std::uint64_t key) {
  return static_cast<std::uint32_t>(key ^ (key >> 32U));
}

// Whether a is before b, on a clock that wraps around.
bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }

}  // namespace

Eviction::Eviction(EvictionOptions options) : options_(options), nodes_(kQueues) {
  for (std::uint32_t queue = 0; queue < kQueues; ++queue) nodes_[queue] = {queue, queue};
}

void Eviction::add(std::uint32_t slot, const Incoming& incoming) {
  const std::uint32_t at = kQueues + slot;
  if (at >= nodes_.size()) {
    nodes_.resize(at + 1);
    ghosts_.set_limit(nodes_.size() - kQueues);
  }
  Node& node = nodes_[at];
  node.fingerprint = fingerprint_of(incoming.key);
  node.bytes = incoming.bytes;
  node.uses = std::min(incoming.uses, kUsesMax);
  node.due_ms = static_cast<std::uint32_t>(incoming.due_ms);
  node.used_at = ++use_clock_;
  now_ms_ = static_cast<std::uint32_t>(incoming.now_ms);
  const auto ghost = ghosts_.take(node.fingerprint);
  if (ghost && incoming.origin == Origin::kDemand) {
    stats_.regretted_bytes += node.bytes;
    if (ghost->unused) {
      stats_.too_early_bytes += node.bytes;
    } else if (ghost->cause == Origin::kPrefetch) {
      stats_.polluted_bytes += node.bytes;
    }
  }
  if (options_.rule == EvictionRule::kLru) {
    push(at, kMain);
  } else if (options_.has_staging && incoming.origin == Origin::kPrefetch && node.uses == 0) {
    const std::uint64_t lead =
        incoming.due_ms > incoming.now_ms ? incoming.due_ms - incoming.now_ms : 0;
    const int magnitude = std::min<int>(static_cast<int>(std::bit_width(lead)), kStagingQueues - 1);
    push(at, static_cast<std::uint8_t>(kStaging + magnitude));
  } else if (node.uses >= kUsesToStay || (ghost && ghost->newcomer)) {
    node.uses = 0;
    push(at, kMain);
  } else {
    push(at, kSmall);
  }
}

void Eviction::use(std::uint32_t slot) {
  const std::uint32_t at = kQueues + slot;
  Node& node = nodes_[at];
  if (options_.rule == EvictionRule::kLru) {
    unlink(at);
    push(at, kMain);
  } else if (node.queue >= kStaging) {
    unlink(at);
    push(at, kSmall);
    node.used_at = ++use_clock_;
  } else if (is_another_use(node) && node.uses < kUsesMax) {
    ++node.uses;
  }
}

bool Eviction::is_another_use(Node& node) {
  const std::size_t together = std::min((nodes_.size() - kQueues) / kTogetherPart, kTogetherMax);
  const auto between = static_cast<std::uint16_t>(use_clock_ - node.used_at);
  if (between < together) return false;
  node.used_at = ++use_clock_;
  return true;
}

void Eviction::remove(std::uint32_t slot) {
  const std::uint32_t at = kQueues + slot;
  if (at < nodes_.size() && nodes_[at].queue != kNowhere) unlink(at);
}

std::uint32_t Eviction::evict(Origin cause, const Stays& stays) {
  std::uint32_t at = victim();
  for (std::size_t met = 0; at != kNone && stays && stays(at - kQueues); at = victim()) {
    if (++met == nodes_.size()) return kNone;  // all of them stay
    unlink(at);
    push(at, kMain);
  }
  if (at == kNone) return kNone;
  const Node& node = nodes_[at];
  ghosts_.put(node.fingerprint,
              {.cause = cause, .unused = node.queue >= kStaging, .newcomer = node.queue == kSmall});
  unlink(at);
  return at - kQueues;
}

std::uint32_t Eviction::victim() {
  const bool core_is_empty = empty(kSmall) && empty(kMain);
  const std::uint64_t bytes = staged_bytes_ + bytes_[kSmall] + bytes_[kMain];
  const bool staging_is_full =
      static_cast<double>(staged_bytes_) > options_.staging_share * static_cast<double>(bytes);
  return staging_is_full || core_is_empty ? staged_victim() : core_victim();
}

void Eviction::push(std::uint32_t at, std::uint8_t queue) {
  const std::uint32_t newest = nodes_[queue].older;
  nodes_[at].newer = queue;
  nodes_[at].older = newest;
  nodes_[at].queue = queue;
  nodes_[newest].newer = at;
  nodes_[queue].older = at;
  bytes_[queue] += nodes_[at].bytes;
  if (queue >= kStaging) staged_bytes_ += nodes_[at].bytes;
}

void Eviction::unlink(std::uint32_t at) {
  Node& node = nodes_[at];
  nodes_[node.newer].older = node.older;
  nodes_[node.older].newer = node.newer;
  bytes_[node.queue] -= node.bytes;
  if (node.queue >= kStaging) staged_bytes_ -= node.bytes;
  node.queue = kNowhere;
}

// What is overdue for the longest was predicted wrongly, most likely; when nothing is overdue, what
// is due last can be fetched again in time.
std::uint32_t Eviction::staged_victim() const {
  std::uint32_t first_due = kNone;
  std::uint32_t last_due = kNone;
  for (std::uint8_t queue = kStaging; queue < kQueues; ++queue) {
    if (empty(queue)) continue;
    const std::uint32_t head = oldest(queue);
    if (first_due == kNone || before(nodes_[head].due_ms, nodes_[first_due].due_ms)) {
      first_due = head;
    }
    const std::uint32_t tail = newest(queue);
    if (last_due == kNone || before(nodes_[last_due].due_ms, nodes_[tail].due_ms)) last_due = tail;
  }
  if (first_due == kNone) return kNone;
  return before(nodes_[first_due].due_ms + kOverdueMs, now_ms_) ? first_due : last_due;
}

std::uint32_t Eviction::core_victim() {
  if (options_.rule == EvictionRule::kLru) return oldest(kMain);
  const bool small_is_full = bytes_[kSmall] * kSmallPart >= bytes_[kSmall] + bytes_[kMain];
  if (!empty(kSmall) && (small_is_full || empty(kMain))) {
    const std::uint32_t at = small_victim();
    if (at != kNone) return at;
  }
  return main_victim();
}

// kNone when all of the small queue has earned its stay.
std::uint32_t Eviction::small_victim() {
  while (!empty(kSmall)) {
    const std::uint32_t at = oldest(kSmall);
    if (nodes_[at].uses < kUsesToStay) return at;
    nodes_[at].uses = 0;
    unlink(at);
    push(at, kMain);
  }
  return kNone;
}

std::uint32_t Eviction::main_victim() {
  while (true) {
    const std::uint32_t at = oldest(kMain);
    if (nodes_[at].uses == 0) return at;
    --nodes_[at].uses;
    unlink(at);
    push(at, kMain);
  }
}

}  // namespace augurfs
