#include "cache/ghosts.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace augurfs {

void Ghosts::set_limit(std::size_t ghosts_max) {
  limit_ = static_cast<std::uint32_t>(std::min<std::size_t>(ghosts_max, std::uint32_t{1} << 31U));
  const std::size_t wanted = std::bit_ceil(std::max<std::size_t>(limit_, kWays));
  if (wanted <= entries_.size()) return;
  const auto former = std::exchange(entries_, std::vector<Entry>(wanted));
  for (const Entry& entry : former) {
    if (remembered(entry)) place(entry);
  }
}

void Ghosts::put(std::uint32_t fingerprint, const Ghost& ghost) {
  if (limit_ == 0) return;
  place({fingerprint, next_number_++, true, ghost});
}

std::optional<Ghost> Ghosts::take(std::uint32_t fingerprint) {
  if (entries_.empty()) return std::nullopt;
  Entry* const set = set_of(fingerprint);
  for (std::size_t way = 0; way < kWays; ++way) {
    Entry& entry = set[way];
    if (!remembered(entry) || entry.fingerprint != fingerprint) continue;
    entry.present = false;
    return entry.ghost;
  }
  return std::nullopt;
}

// In the place of its former self, of one that is forgotten, or of the oldest.
void Ghosts::place(const Entry& entry) {
  Entry* const set = set_of(entry.fingerprint);
  Entry* chosen = set;
  for (Entry* at = set; at != set + kWays; ++at) {
    if (at->present && at->fingerprint == entry.fingerprint) {
      chosen = at;
      break;
    }
    const auto age = [&](const Entry& e) {
      return e.present ? next_number_ - e.number : ~std::uint32_t{0};
    };
    if (age(*at) > age(*chosen)) chosen = at;
  }
  *chosen = entry;
}

}  // namespace augurfs
