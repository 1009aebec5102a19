#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>

#include "predictor/event.h"

namespace augurfs {

struct EventQueueCounts {
  std::uint64_t taken = 0;
  std::uint64_t dropped = 0;
  std::uint64_t entered = 0;  // found a place in the ring
};

// Events on their way from those who make them to the one who thinks about them: a bounded ring
// without locks. When it is full the oldest goes and is counted: the newest access says most about
// the next. Every event is either taken or dropped, exactly once.
//
// Each cell says whose turn it is (Vyukov's bounded queue): position p waits to be filled, p + 1 to
// be emptied. A producer that finds the ring full takes the oldest event out itself, as the
// consumer would. Nobody waits: a producer that keeps losing against others drops its own event.
// Thread rule: push() from any thread; take() and wait() from one.
class EventQueue {
 public:
  // Room for `events_max` events, rounded up to a power of two of at least 2.
  explicit EventQueue(std::size_t events_max);

  void push(const Event& event);
  // Takes the oldest; false when there is none.
  bool take(Event& event);
  // Until there is an event, or rouse() was called since the last time, or `stop`.
  void wait(const std::stop_token& stop);
  // There is something else to do. Any thread.
  void rouse();

  EventQueueCounts counts() const;

 private:
  struct Cell {
    std::atomic<std::uint64_t> turn = 0;
    Event event;
  };

  bool try_push(const Event& event);
  bool try_take(Event& event);
  bool empty() const;
  bool has_work();
  void wake();

  const std::uint64_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  // On lines of their own: written by different threads.
  alignas(64) std::atomic<std::uint64_t> head_ = 0;  // to be filled next
  alignas(64) std::atomic<std::uint64_t> tail_ = 0;  // to be emptied next
  alignas(64) std::atomic<std::uint32_t> sleeping_ = 0;
  std::atomic<bool> roused_ = false;
  std::atomic<std::uint64_t> taken_ = 0;
  std::atomic<std::uint64_t> dropped_ = 0;
};

}  // namespace augurfs
