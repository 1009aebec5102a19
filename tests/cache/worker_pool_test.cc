#include "cache/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <optional>

#include "support/eventually.h"

namespace augurfs {
namespace {

constexpr std::size_t kThreads = 8;

TEST(WorkerPool, DoesSeveralThingsAtOnce) {
  // Each waits until all have begun: fewer at once would wait for ever.
  std::latch all(kThreads);
  std::atomic<std::size_t> done = 0;
  WorkerPool pool(kThreads);
  for (std::size_t i = 0; i < kThreads; ++i) {
    EXPECT_TRUE(pool.ask([&](const std::stop_token&) {
      all.arrive_and_wait();
      ++done;
    }));
  }
  EXPECT_TRUE(eventually([&] { return done == kThreads; }));
}

TEST(WorkerPool, IsBoundedAndEndsWithoutDoingWhatWaits) {
  std::atomic<std::size_t> begun = 0;
  const auto until_told = [&](const std::stop_token& stop) {
    ++begun;
    std::latch asked_to_stop(1);
    const std::stop_callback on_stop(stop, [&] { asked_to_stop.count_down(); });
    asked_to_stop.wait();
  };
  {
    WorkerPool pool(kThreads);
    for (std::size_t i = 0; i < kThreads; ++i) EXPECT_TRUE(pool.ask(until_told));
    ASSERT_TRUE(eventually([&] { return begun == kThreads; }));
    for (std::size_t i = 0; i < WorkerPool::kWaitingMax; ++i) EXPECT_TRUE(pool.ask(until_told));
    EXPECT_FALSE(pool.ask(until_told));
  }
  EXPECT_EQ(begun, kThreads);
}

}  // namespace
}  // namespace augurfs
