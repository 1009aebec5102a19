#include "predictor/event_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace augurfs {
namespace {

Event numbered(std::uint64_t producer, std::uint64_t number) {
  Event event;
  event.stream = producer;
  event.handle = number;
  event.range = {number, producer};  // so that a torn event shows
  return event;
}

std::vector<std::uint64_t> drain(EventQueue& queue) {
  std::vector<std::uint64_t> numbers;
  for (Event event; queue.take(event);) numbers.push_back(event.handle);
  return numbers;
}

TEST(EventQueue, HandsOutEventsInTheirOrderRoundAfterRound) {
  EventQueue queue(4);
  for (std::uint64_t i = 0; i < 100; ++i) {
    queue.push(numbered(1, 2 * i));
    queue.push(numbered(1, 2 * i + 1));
    EXPECT_EQ(drain(queue), (std::vector<std::uint64_t>{2 * i, 2 * i + 1}));
  }
  EXPECT_EQ(queue.counts().taken, 200U);
  EXPECT_EQ(queue.counts().dropped, 0U);
}

TEST(EventQueue, DropsTheOldestWhenItIsFull) {
  EventQueue queue(4);
  for (std::uint64_t i = 0; i < 10; ++i) queue.push(numbered(1, i));
  EXPECT_EQ(drain(queue), (std::vector<std::uint64_t>{6, 7, 8, 9}));
  EXPECT_EQ(queue.counts().dropped, 6U);
  EXPECT_EQ(queue.counts().taken, 4U);
}

TEST(EventQueue, OfOneForWhichThereIsNoRoomTheNewestStays) {
  EventQueue queue(0);
  for (std::uint64_t i = 0; i < 3; ++i) queue.push(numbered(1, i));
  EXPECT_EQ(drain(queue), (std::vector<std::uint64_t>{1, 2}));
}

// Producers faster than the consumer, so that they drop: each event is taken once or counted as
// dropped, those of one producer stay in their order, and none is torn.
TEST(EventQueue, WhatIsTakenAndWhatIsDroppedIsWhatWasRecorded) {
  constexpr std::uint64_t kProducers = 4;
  constexpr std::uint64_t kEach = 20'000;
  EventQueue queue(64);
  std::atomic<std::uint64_t> running = kProducers;
  std::vector<std::jthread> producers;
  for (std::uint64_t producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&queue, &running, producer] {
      for (std::uint64_t i = 1; i <= kEach; ++i) queue.push(numbered(producer, i));
      --running;
    });
  }
  std::array<std::uint64_t, kProducers> last{};
  std::uint64_t taken = 0;
  for (bool done = false; !done;) {
    done = running == 0;
    for (Event event; queue.take(event);) {
      ++taken;
      ASSERT_EQ(event.range.offset, event.handle);
      ASSERT_EQ(event.range.length, event.stream);
      ASSERT_GT(event.handle, last.at(event.stream));
      last.at(event.stream) = event.handle;
    }
  }
  EXPECT_EQ(queue.counts().taken, taken);
  EXPECT_EQ(queue.counts().taken + queue.counts().dropped, kProducers * kEach);
}

// The consumer sleeps whenever there is nothing; a lost wake-up would leave it asleep for ever.
TEST(EventQueue, AnEventWakesWhoWaits) {
  constexpr std::uint64_t kRounds = 5'000;
  EventQueue queue(16);
  std::atomic<std::uint64_t> seen = 0;
  std::jthread consumer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      queue.wait(stop);
      for (Event event; queue.take(event);) {
        seen = event.handle;
        seen.notify_all();
      }
    }
  });
  for (std::uint64_t i = 1; i <= kRounds; ++i) {
    queue.push(numbered(1, i));
    seen.wait(i - 1);
    ASSERT_EQ(seen, i);
  }
}

TEST(EventQueue, AStopWakesWhoWaits) {
  for (int i = 0; i < 200; ++i) {
    EventQueue queue(16);
    std::jthread consumer([&](const std::stop_token& stop) { queue.wait(stop); });
    if (i % 2 == 0) std::this_thread::yield();
  }
}

}  // namespace
}  // namespace augurfs
