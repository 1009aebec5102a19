#include "cache/chunk_fates.h"

#include <algorithm>

namespace augurfs {

void ChunkFates::came(ChunkId id, const ChunkFate& fate) {
  std::size_t place = entries_.size();
  if (place < kFatesMax) {
    entries_.push_back({id, fate});
  } else {
    place = oldest_;
    oldest_ = (oldest_ + 1) % kFatesMax;
    const auto former = places_.find(entries_[place].id);
    if (former != places_.end() && former->second == place) places_.erase(former);
    entries_[place] = {id, fate};
  }
  places_[id] = place;
}

void ChunkFates::used(ChunkId id) {
  if (ChunkFate* fate = find(id)) fate->use = ChunkFate::Use::kInTime;
}

void ChunkFates::ended(ChunkId id, ChunkFate::End end) {
  if (ChunkFate* fate = find(id)) fate->end = end;
}

std::vector<FateRange> ChunkFates::of(std::uint64_t version) const {
  std::vector<FateRange> single;
  for (std::size_t place = 0; place < entries_.size(); ++place) {
    const Entry& entry = entries_[place];
    if (entry.id.object != version || places_.at(entry.id) != place) continue;
    single.push_back({entry.id.chunk, entry.id.chunk, entry.fate});
  }
  std::sort(single.begin(), single.end(),
            [](const FateRange& a, const FateRange& b) { return a.first < b.first; });
  std::vector<FateRange> ranges;
  for (const FateRange& one : single) {
    if (!ranges.empty() && ranges.back().last + 1 == one.first && ranges.back().fate == one.fate) {
      ranges.back().last = one.last;
    } else {
      ranges.push_back(one);
    }
  }
  return ranges;
}

ChunkFate* ChunkFates::find(ChunkId id) {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &entries_[found->second].fate;
}

}  // namespace augurfs
