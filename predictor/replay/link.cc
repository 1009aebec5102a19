#include "predictor/replay/link.h"

#include <algorithm>
#include <utility>

namespace augurfs {
namespace {

constexpr std::uint64_t kBitsPerByte = 8;
constexpr std::uint64_t kNsPerS = 1'000'000'000;

}  // namespace

Link::Flight& Link::start(std::unique_ptr<Flight> flight, Tick now) {
  flight->number = ++numbers_;
  for (const std::uint32_t bytes : flight->chunk_bytes) flight->bytes += bytes;
  Flight& started = *flight;
  started.prefetch = !started.demanded;
  if (started.prefetch) queued_chunks_ += started.chunk_bytes.size();
  waiting_[started.demanded ? 1 : 0].push_back(started.number);
  flights_.emplace(started.number, std::move(flight));
  take_slots(now);
  return started;
}

void Link::demand(Flight& flight, Tick now) {
  if (std::exchange(flight.demanded, true)) return;
  if (flight.ready) {
    if (sending_ != flight.number) turns_[1].push_back(flight.number);
  } else if (!flight.has_slot) {
    waiting_[1].push_back(flight.number);
    take_slots(now);
  }
}

std::optional<Tick> Link::next() const {
  std::optional<Tick> at;
  if (sending_ != 0) at = piece_end_;
  if (!travelling_.empty() && (!at || travelling_.front().at < *at)) at = travelling_.front().at;
  return at;
}

void Link::step(const Received& received) {
  // A piece that ends frees the link before another flight's first byte looks at it.
  if (sending_ != 0 && (travelling_.empty() || piece_end_ <= travelling_.front().at)) {
    const Tick now = piece_end_;
    const std::uint64_t number = std::exchange(sending_, 0);
    Flight& flight = *flights_.at(number);
    flight.received += piece_bytes_;
    const bool complete = flight.received == flight.bytes;
    received(flight, now);
    if (complete) {
      --slots_;
      if (flight.prefetch) --prefetch_slots_;
      flights_.erase(number);
      take_slots(now);
    } else {
      turns_[flight.demanded ? 1 : 0].push_back(number);
    }
    send(now);
    return;
  }
  if (travelling_.empty()) return;
  // All that are ready now, before the link chooses one of them.
  const Tick now = travelling_.front().at;
  for (; !travelling_.empty() && travelling_.front().at == now; travelling_.pop_front()) {
    Flight& flight = *flights_.at(travelling_.front().flight);
    flight.ready = true;
    turns_[flight.demanded ? 1 : 0].push_back(flight.number);
  }
  send(now);
}

void Link::take_slots(Tick now) {
  while (slots_ < options_.transfers_max && take_slot(waiting_[1], true, now)) {
  }
  while (slots_ < options_.transfers_max && prefetch_slots_ < options_.prefetch_transfers_max &&
         take_slot(waiting_[0], false, now)) {
  }
}

bool Link::take_slot(Numbers& waiting, bool demanded, Tick now) {
  while (!waiting.empty()) {
    const auto found = flights_.find(waiting.front());
    waiting.pop_front();
    if (found == flights_.end()) continue;
    Flight& flight = *found->second;
    if (flight.has_slot || flight.demanded != demanded) continue;
    flight.has_slot = true;
    ++slots_;
    if (flight.prefetch) queued_chunks_ -= flight.chunk_bytes.size();
    // One that a reader joined before it had a slot is as good as demanded from the start.
    flight.prefetch = !demanded;
    if (flight.prefetch) ++prefetch_slots_;
    travelling_.push_back({now + options_.round_trip, flight.number});
    return true;
  }
  return false;
}

// Puts the next piece on the link when it is free.
void Link::send(Tick now) {
  if (sending_ != 0) return;
  sending_ = take_turn();
  if (sending_ == 0) return;
  const Flight& flight = *flights_.at(sending_);
  piece_bytes_ = std::min(kPieceBytes, flight.bytes - flight.received);
  const std::uint64_t ns =
      (piece_bytes_ * kBitsPerByte * kNsPerS + options_.bits_per_s - 1) / options_.bits_per_s;
  piece_end_ = now + Tick(static_cast<std::int64_t>(ns));
}

std::uint64_t Link::take_turn() {
  for (const bool demanded : {true, false}) {
    Numbers& turns = turns_[demanded ? 1 : 0];
    while (!turns.empty()) {
      const std::uint64_t number = turns.front();
      turns.pop_front();
      const auto found = flights_.find(number);
      // In both queues when a reader joined it: only one entry may count.
      if (found != flights_.end() && found->second->demanded == demanded) return number;
    }
  }
  return 0;
}

}  // namespace augurfs
