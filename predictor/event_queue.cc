#include "predictor/event_queue.h"

#include <algorithm>
#include <bit>

namespace augurfs {
namespace {

// A full ring needs two: to take the oldest out, and to push. More are lost to other producers.
constexpr int kAttemptsMax = 16;

}  // namespace

EventQueue::EventQueue(std::size_t events_max)
    : mask_(std::bit_ceil(std::max<std::size_t>(events_max, 2)) - 1),
      cells_(std::make_unique<Cell[]>(mask_ + 1)) {
  for (std::uint64_t i = 0; i <= mask_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
}

// False when the ring is full, or its oldest event is on its way out.
bool EventQueue::try_push(const Event& event) {
  std::uint64_t at = head_.load(std::memory_order_relaxed);
  while (true) {
    Cell& cell = cells_[at & mask_];
    const std::uint64_t turn = cell.turn.load(std::memory_order_acquire);
    if (turn == at) {
      if (head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        cell.event = event;
        // In one order with `sleeping_`: either the consumer sees the event before it sleeps, or
        // we see that it sleeps.
        cell.turn.store(at + 1, std::memory_order_seq_cst);
        return true;
      }
    } else if (turn < at) {
      return false;
    } else {
      at = head_.load(std::memory_order_relaxed);
    }
  }
}

// False when the ring is empty, or its oldest event is on its way in.
bool EventQueue::try_take(Event& event) {
  std::uint64_t at = tail_.load(std::memory_order_relaxed);
  while (true) {
    Cell& cell = cells_[at & mask_];
    const std::uint64_t turn = cell.turn.load(std::memory_order_acquire);
    if (turn == at + 1) {
      if (tail_.compare_exchange_weak(at, at + 1, std::memory_order_seq_cst)) {
        event = cell.event;
        cell.turn.store(at + mask_ + 1, std::memory_order_release);
        return true;
      }
    } else if (turn < at + 1) {
      return false;
    } else {
      at = tail_.load(std::memory_order_relaxed);
    }
  }
}

void EventQueue::push(const Event& event) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (try_push(event)) {
      if (sleeping_.load(std::memory_order_seq_cst) != 0) wake();
      return;
    }
    Event oldest;
    if (try_take(oldest)) dropped_.fetch_add(1, std::memory_order_relaxed);
  }
  dropped_.fetch_add(1, std::memory_order_relaxed);
}

bool EventQueue::take(Event& event) {
  if (!try_take(event)) return false;
  taken_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool EventQueue::empty() const {
  const std::uint64_t at = tail_.load(std::memory_order_seq_cst);
  return cells_[at & mask_].turn.load(std::memory_order_seq_cst) != at + 1;
}

bool EventQueue::has_work() {
  return roused_.exchange(false, std::memory_order_seq_cst) || !empty();
}

// In one order with `sleeping_`, as in try_push().
void EventQueue::rouse() {
  roused_.store(true, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) != 0) wake();
}

void EventQueue::wake() {
  if (sleeping_.exchange(0, std::memory_order_seq_cst) != 0) sleeping_.notify_all();
}

void EventQueue::wait(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { wake(); });
  while (true) {
    sleeping_.store(1, std::memory_order_seq_cst);
    if (has_work() || stop.stop_requested()) break;
    sleeping_.wait(1, std::memory_order_seq_cst);
    if (has_work() || stop.stop_requested()) break;
  }
  sleeping_.store(0, std::memory_order_relaxed);
}

// What entered is looked at first: whatever it says of has been counted elsewhere since, or waits.
EventQueueCounts EventQueue::counts() const {
  EventQueueCounts out;
  out.entered = head_.load(std::memory_order_seq_cst);
  out.taken = taken_.load(std::memory_order_relaxed);
  out.dropped = dropped_.load(std::memory_order_relaxed);
  return out;
}

}  // namespace augurfs
