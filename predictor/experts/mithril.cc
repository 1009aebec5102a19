#include "predictor/experts/mithril.h"

#include <algorithm>

namespace augurfs {

void Mithril::observe(const Event& event, const Catalog& /*catalog*/,
                      std::vector<Candidate>& candidates) {
  if (event.operation != Operation::kRead || event.range.length == 0) return;
  const Place place = place_of(event, options_.chunk_bytes);
  ++accesses_;
  // What hits is known already, or was prefetched: as in the paper, misses are what is noted.
  if (!event.hit) note(place);
  const Associates* known = associates_.find(place.key());
  if (known == nullptr) return;
  for (const Place& associate : known->places) {
    if (associate.chunks == 0) continue;
    candidates.push_back(
        candidate_for(associate, options_.chunk_bytes, 0.5, {}, ExpertId::kMithril));
  }
}

void Mithril::note(const Place& place) {
  Record& record = records_.at(place.key());
  record.place = place;
  if (record.count < kSupportMax) record.times[record.count] = accesses_;
  // One beyond the maximum marks what is frequent.
  record.count = std::min(record.count + 1, kSupportMax + 1);
  if (record.count != kSupportMin) return;
  rows_.push_back(place.key());
  if (rows_.size() >= options_.rows_max) mine();
}

void Mithril::mine() {
  std::vector<Record> rows;
  for (const std::uint64_t key : rows_) {
    const Record* record = records_.find(key);
    if (record != nullptr && record->count >= kSupportMin && record->count <= kSupportMax) {
      rows.push_back(*record);
    }
    if (record != nullptr) records_.at(key) = Record{};
  }
  rows_.clear();
  std::sort(rows.begin(), rows.end(),
            [](const Record& a, const Record& b) { return a.times[0] < b.times[0]; });
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = i + 1; j < rows.size(); ++j) {
      if (rows[j].times[0] - rows[i].times[0] > options_.look_ahead) break;
      if (!associated(rows[i], rows[j])) continue;
      Associates& associates = associates_.at(rows[i].place.key());
      auto& places = associates.places;
      if (std::find(places.begin(), places.end(), rows[j].place) != places.end()) continue;
      places[associates.next++ % kAssociates] = rows[j].place;
    }
  }
}

bool Mithril::associated(const Record& a, const Record& b) const {
  if (a.count != b.count) return false;
  for (std::size_t i = 0; i < a.count; ++i) {
    const auto [early, late] = std::minmax(a.times[i], b.times[i]);
    if (late - early > options_.look_ahead) return false;
  }
  return true;
}

}  // namespace augurfs
