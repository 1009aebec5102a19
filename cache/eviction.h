#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "cache/chunk_record.h"
#include "cache/ghosts.h"

namespace augurfs {

enum class EvictionRule : std::uint8_t { kLru, kS3Fifo };

struct EvictionOptions {
  EvictionRule rule = EvictionRule::kS3Fifo;
  // Of all bytes, what may be prefetched and not used yet before such chunks make room for each
  // other rather than for what was asked for.
  double staging_share = 0.25;
  // Without, what is prefetched comes in like what was asked for: to measure what staging is worth.
  bool has_staging = true;
};

// What is told of a chunk that comes in.
struct Incoming {
  std::uint64_t key = 0;  // hash of version and chunk, by which it is known when it comes back
  std::uint32_t bytes = 1;
  Origin origin = Origin::kDemand;
  std::uint8_t uses = 0;  // in an earlier run
  // For kPrefetch, any clock that does not stand still: when it came and when its use is expected.
  std::uint64_t now_ms = 0;
  std::uint64_t due_ms = 0;
};

// Decides which chunk goes when room is needed. Knows chunks by the number of their slot in the
// ChunkTable and keeps 24 bytes for each and 12 for each it remembers; every call is O(1),
// amortized over the uses.
//
// S3-FIFO (Yang et al., SOSP 2023): a small queue for newcomers, a main queue for what was used
// again there or came back soon after it went, both first in, first out. A program reads a chunk
// piece by piece: uses with few others between them count as one (correlated references, O'Neil et
// al., SIGMOD 1993), or else each scan would look like a use again. Beside the two a staging
// segment for what was prefetched and not used yet; its first use moves a chunk into the small
// queue. When staging has more than its share it makes its own room: what is overdue for the
// longest, or else what is due last. With kLru there is one queue, by last use.
// Thread rule: one thread at a time.
class Eviction {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  explicit Eviction(EvictionOptions options = {});

  void add(std::uint32_t slot, const Incoming& incoming);
  // A part of it was read.
  void use(std::uint32_t slot);
  // It is gone for another reason; nothing happens when it was evicted.
  void remove(std::uint32_t slot);
  // Takes out the chunk that is to go for the sake of `cause`; kNone when there is none. One that
  // `stays` counts as used instead: it is met again when all others of the main queue were.
  using Stays = std::function<bool(std::uint32_t slot)>;
  std::uint32_t evict(Origin cause, const Stays& stays = nullptr);

  const EvictionStats& stats() const { return stats_; }

 private:
  // Queues are rings through a node of their own, which belongs to no slot. Staging is a queue for
  // each magnitude of the time to the expected use, so that within each the first in is due first,
  // more or less, and no search is needed.
  static constexpr std::uint8_t kSmall = 0;
  static constexpr std::uint8_t kMain = 1;
  static constexpr std::uint8_t kStaging = 2;
  static constexpr std::uint8_t kStagingQueues = 24;  // up to 2^23 ms, two hours
  static constexpr std::uint8_t kQueues = kStaging + kStagingQueues;
  static constexpr std::uint8_t kNowhere = kQueues;

  struct Node {
    std::uint32_t newer = 0;
    std::uint32_t older = 0;
    std::uint32_t due_ms = 0;       // wraps around
    std::uint32_t fingerprint = 0;  // of the key
    std::uint32_t bytes = 0;
    std::uint16_t used_at = 0;  // use_clock_ at the last use that counted; wraps around
    std::uint8_t queue = kNowhere;
    std::uint8_t uses = 0;
  };

  // Whether this use of it counts.
  bool is_another_use(Node& node);
  void push(std::uint32_t at, std::uint8_t queue);
  void unlink(std::uint32_t at);
  bool empty(std::uint8_t queue) const { return nodes_[queue].newer == queue; }
  std::uint32_t oldest(std::uint8_t queue) const { return nodes_[queue].newer; }
  std::uint32_t newest(std::uint8_t queue) const { return nodes_[queue].older; }
  std::uint32_t victim();
  std::uint32_t staged_victim() const;
  std::uint32_t core_victim();
  std::uint32_t small_victim();
  std::uint32_t main_victim();

  EvictionOptions options_;
  std::vector<Node> nodes_;                     // slot n is nodes_[kQueues + n]
  std::array<std::uint64_t, kQueues> bytes_{};  // of each queue
  std::uint64_t staged_bytes_ = 0;
  std::uint16_t use_clock_ = 0;  // uses that counted
  std::uint32_t now_ms_ = 0;
  Ghosts ghosts_;
  EvictionStats stats_;
};

}  // namespace augurfs
