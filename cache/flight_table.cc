#include "cache/flight_table.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

namespace augurfs {
namespace {

// What is less likely to be read may go on by chance, and end at any moment.
constexpr float kSure = 0.9F;

}  // namespace

std::size_t ChunkKeyHash::operator()(const ChunkKey& id) const {
  constexpr std::size_t kOdd = 0x9e3779b97f4a7c15;  // spreads neighbouring chunks
  std::size_t hash = std::hash<std::string>{}(id.version.key);
  hash = hash * kOdd + std::hash<std::string>{}(id.version.etag);
  hash = hash * kOdd + id.version.size;
  return hash * kOdd + id.chunk;
}

std::uint64_t Flight::prefetched_bytes(std::uint32_t first, std::uint32_t end) const {
  std::uint64_t bytes = 0;
  for (std::uint32_t chunk = first; chunk != end; ++chunk) {
    if (arrivals[chunk - first_chunk].prefetch) bytes += layout.bytes_of(chunk);
  }
  return bytes;
}

std::size_t FlightTable::under_way(const Version& version) const {
  const auto is_of = [&version](const auto& entry) { return entry.first.version == version; };
  return static_cast<std::size_t>(
      std::count_if(under_way_.begin(), under_way_.end(), is_of) +
      std::count_if(prefetch_places_.begin(), prefetch_places_.end(), is_of));
}

std::shared_ptr<Flight> FlightTable::join(const ChunkKey& id) {
  const auto found = under_way_.find(id);
  if (found == under_way_.end()) return nullptr;
  const std::shared_ptr<Flight>& flight = found->second;
  Arrival& arrival = flight->arrival(id.chunk);
  if (!std::exchange(arrival.demanded, true)) {
    arrival.demanded_at = std::chrono::steady_clock::now();
  }
  ++arrival.readers;
  ++flight->readers;
  return flight;
}

std::shared_ptr<Flight> FlightTable::join_next(const ChunkKey& id) {
  const auto found = long_haul_to(id);
  if (found == long_hauls_.end()) return nullptr;
  const std::shared_ptr<Flight> flight = *found;
  if (flight->asked_bytes() - flight->received_bytes > kOvertakenBytesMax) return nullptr;
  unqueue(id);
  extend(found, false);
  flight->changed.notify_all();
  return join(id);
}

FlightTable::Left FlightTable::leave(const std::shared_ptr<Flight>& flight, std::uint32_t chunk,
                                     bool satisfied) {
  Left left;
  Arrival& arrival = flight->arrival(chunk);
  --flight->readers;
  if (--arrival.readers == 0 && arrival.state == Arrival::State::kLanded) {
    left.buffer = release(arrival);
  }
  // A reader who had what it came for leaves the rest of the chunk to those who come next.
  const bool abandoned = !satisfied && flight->readers == 0 && !flight->prefetch;
  if (!abandoned || flight->ended) return left;
  for (std::uint32_t c = flight->first_chunk; c != flight->end_chunk(); ++c) {
    if (flight->arrival(c).state == Arrival::State::kUnderWay) erase(*flight, c);
  }
  if (std::erase(demand_, flight) > 0) {
    flight->ended = true;
  } else {
    left.cancelled = flight;
  }
  return left;
}

std::shared_ptr<Flight> FlightTable::demand(const Version& version, const ChunkLayout& layout,
                                            std::uint32_t first, std::uint32_t count) {
  auto flight = std::make_shared<Flight>(version, layout, first, count, false);
  for (std::uint32_t chunk = first; chunk != first + count; ++chunk) {
    ChunkKey id{version, chunk};
    unqueue(id);
    under_way_.emplace(std::move(id), flight);
  }
  demand_.push_back(flight);
  return flight;
}

bool FlightTable::prefetch(const Version& version, const ChunkLayout& layout,
                           const std::vector<std::uint32_t>& chunks, const Foreseen& foreseen) {
  std::vector<ChunkKey> wanted;
  for (const std::uint32_t chunk : chunks) {
    ChunkKey id{version, chunk};
    if (!under_way_.contains(id) && !prefetch_places_.contains(id)) wanted.push_back(std::move(id));
  }
  if (prefetch_.size() + wanted.size() > kPrefetchQueueChunksMax) return false;
  for (std::size_t i = append(wanted, foreseen); i != wanted.size(); ++i) {
    ChunkKey& id = wanted[i];
    prefetch_.push_back({id, layout, foreseen});
    prefetch_places_.emplace(std::move(id), std::prev(prefetch_.end()));
  }
  return true;
}

// How many of the first of them a long haul will bring.
std::size_t FlightTable::append(const std::vector<ChunkKey>& chunks, const Foreseen& foreseen) {
  if (chunks.empty() || foreseen.probability < kSure) return 0;
  const auto found = long_haul_to(chunks.front());
  if (found == long_hauls_.end()) return 0;
  const std::shared_ptr<Flight> flight = *found;
  std::size_t count = 0;
  while (count != chunks.size() && chunks[count].chunk == flight->end_chunk() &&
         flight->takes_more()) {
    extend(found, true).foreseen = foreseen;
    ++count;
  }
  flight->changed.notify_all();
  return count;
}

FlightTable::LongHauls::iterator FlightTable::long_haul_to(const ChunkKey& next) {
  return std::find_if(long_hauls_.begin(), long_hauls_.end(), [&next](const auto& flight) {
    return flight->end_chunk() == next.chunk && flight->version == next.version;
  });
}

// By a chunk that is in no flight or queue. It leaves the list when it takes no more.
Arrival& FlightTable::extend(LongHauls::iterator long_haul, bool prefetch) {
  const std::shared_ptr<Flight> flight = *long_haul;
  under_way_.emplace(ChunkKey{flight->version, flight->end_chunk()}, flight);
  Arrival& arrival = flight->arrivals.emplace_back(prefetch);
  if (!flight->takes_more()) long_hauls_.erase(long_haul);
  return arrival;
}

void FlightTable::unqueue(const ChunkKey& id) {
  const auto queued = prefetch_places_.find(id);
  if (queued == prefetch_places_.end()) return;
  prefetch_.erase(queued->second);
  prefetch_places_.erase(queued);
}

bool FlightTable::goes_on(const ChunkKey& first) const {
  const auto ends_there = [&first](const std::shared_ptr<Flight>& flight) {
    return flight->end_chunk() == first.chunk && flight->version == first.version;
  };
  if (std::any_of(taken_.begin(), taken_.end(), ends_there)) return true;
  const auto now = std::chrono::steady_clock::now();
  return std::any_of(ends_.begin(), ends_.end(), [&](const End& end) {
    return now - end.at <= kGoesOnWithin && end.next == first;
  });
}

void FlightTable::close(const Flight& long_haul) {
  std::erase_if(long_hauls_, [&](const auto& known) { return known.get() == &long_haul; });
}

bool FlightTable::has_work() const {
  return !demand_.empty() || (!prefetch_.empty() && prefetch_flights_ < prefetch_flights_max_);
}

std::shared_ptr<Flight> FlightTable::take(bool long_hauls_welcome) {
  if (!has_work()) return nullptr;
  std::shared_ptr<Flight> flight;
  if (!demand_.empty()) {
    flight = std::move(demand_.front());
    demand_.pop_front();
  } else {
    // The chunk that has waited for the longest, and those after it that wait as well.
    const Queued head = prefetch_.front();
    const bool long_haul =
        long_hauls_welcome && head.foreseen.probability >= kSure && goes_on(head.id);
    const std::uint64_t bytes_max = long_haul ? kLongHaulBytesMax : kFlightBytesMax;
    std::uint64_t bytes = 0;
    ChunkKey next = head.id;
    std::vector<Foreseen> foreseen;
    for (auto place = prefetch_places_.find(next); place != prefetch_places_.end();
         place = prefetch_places_.find(next)) {
      const std::uint64_t chunk_bytes = head.layout.bytes_of(next.chunk);
      if (bytes > 0 && bytes + chunk_bytes > bytes_max) break;
      bytes += chunk_bytes;
      foreseen.push_back(place->second->foreseen);
      prefetch_.erase(place->second);
      prefetch_places_.erase(place);
      ++next.chunk;
    }
    const std::uint32_t count = next.chunk - head.id.chunk;
    const std::uint32_t reach = long_haul ? head.layout.reach_of(head.id.chunk, bytes_max) : 0;
    flight =
        std::make_shared<Flight>(head.id.version, head.layout, head.id.chunk, count, true, reach);
    if (flight->long_haul) long_hauls_.push_back(flight);
    for (next.chunk = head.id.chunk; next.chunk != flight->end_chunk(); ++next.chunk) {
      flight->arrival(next.chunk).foreseen = foreseen[next.chunk - head.id.chunk];
      under_way_.emplace(next, flight);
    }
    ++prefetch_flights_;
  }
  taken_.push_back(flight);
  return flight;
}

std::vector<std::shared_ptr<Flight>> FlightTable::end_queued(const Error& error) {
  for (const auto& flight : std::exchange(demand_, {})) end(flight, error);
  prefetch_.clear();
  prefetch_places_.clear();
  return taken_;
}

ChunkBuffer FlightTable::land(const std::shared_ptr<Flight>& flight, std::uint32_t chunk,
                              bool stored) {
  Arrival& arrival = flight->arrival(chunk);
  const auto current = under_way_.find(ChunkKey{flight->version, chunk});
  const bool mine = current != under_way_.end() && current->second == flight;
  if (!stored && mine) {
    keep_in_memory(flight, chunk);
    return {};
  }
  if (mine) under_way_.erase(current);
  arrival.state = Arrival::State::kLanded;
  flight->changed.notify_all();
  return release(arrival);
}

void FlightTable::end(const std::shared_ptr<Flight>& flight, std::optional<Error> error) {
  if (std::erase(taken_, flight) > 0) {
    if (flight->prefetch) --prefetch_flights_;
    ends_.push_back({{flight->version, flight->end_chunk()}, std::chrono::steady_clock::now()});
    if (ends_.size() > kEndsMax) ends_.pop_front();
  }
  close(*flight);
  for (std::uint32_t chunk = flight->first_chunk; chunk != flight->end_chunk(); ++chunk) {
    if (flight->arrival(chunk).state == Arrival::State::kUnderWay) erase(*flight, chunk);
  }
  flight->ended = true;
  flight->error = std::move(error);
  flight->changed.notify_all();
}

ChunkBuffer FlightTable::release(Arrival& arrival) {
  return arrival.readers == 0 ? std::move(arrival.buffer) : ChunkBuffer();
}

void FlightTable::erase(const Flight& flight, std::uint32_t chunk) {
  const auto found = under_way_.find(ChunkKey{flight.version, chunk});
  if (found != under_way_.end() && found->second.get() == &flight) under_way_.erase(found);
}

void FlightTable::keep_in_memory(const std::shared_ptr<Flight>& flight, std::uint32_t chunk) {
  flight->arrival(chunk).state = Arrival::State::kInMemory;
  unstored_.push_back({flight->version, chunk});
  unstored_bytes_ += flight->layout.bytes_of(chunk);
  while (unstored_bytes_ > kUnstoredBytesMax && unstored_.size() > 1) {
    const auto oldest = under_way_.find(unstored_.front());
    const std::shared_ptr<Flight> owner = oldest->second;
    under_way_.erase(oldest);
    const std::uint32_t gone = unstored_.front().chunk;
    unstored_.pop_front();
    unstored_bytes_ -= owner->layout.bytes_of(gone);
    owner->arrival(gone).state = Arrival::State::kLanded;
    release(owner->arrival(gone));
  }
}

}  // namespace augurfs
