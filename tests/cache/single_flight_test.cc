#include "cache/single_flight.h"

#include <gtest/gtest.h>

#include <future>
#include <new>
#include <semaphore>
#include <stdexcept>

namespace augurfs {
namespace {

using Flight = SingleFlight<int>;
const Flight::Time kOldest{};
const Flight::Time kNow{std::chrono::seconds(1)};

TEST(SingleFlight, AnAnswerIsEverybodysWhoAskedMeanwhile) {
  Flight flight;
  std::binary_semaphore asked(0);
  std::binary_semaphore go_on(0);
  auto first = std::async(std::launch::async, [&] {
    return flight.run("key", kOldest, kNow, {}, [&]() -> Result<int> {
      asked.release();
      go_on.acquire();
      return 1;
    });
  });
  asked.acquire();
  EXPECT_EQ(flight.run("another", kOldest, kNow, {}, []() -> Result<int> { return 3; }).value(), 3);
  // A call that began before what the caller has heard of does not answer it.
  EXPECT_EQ(flight.run("key", kNow, kNow, {}, []() -> Result<int> { return 2; }).value(), 2);
  go_on.release();
  EXPECT_EQ(first.get().value(), 1);
}

TEST(SingleFlight, WhoWaitsAsksWhenAskingThrewElsewhere) {
  Flight flight;
  std::binary_semaphore asked(0);
  std::binary_semaphore go_on(0);
  auto first = std::async(std::launch::async, [&] {
    return flight.run("key", kOldest, kNow, {}, [&]() -> Result<int> {
      asked.release();
      go_on.acquire();
      throw std::bad_alloc();
    });
  });
  asked.acquire();
  auto second = std::async(std::launch::async, [&] {
    return flight.run("key", kOldest, kNow, {}, []() -> Result<int> { return 2; });
  });
  go_on.release();
  EXPECT_THROW(first.get(), std::bad_alloc);
  EXPECT_EQ(second.get().value(), 2);
  EXPECT_EQ(flight.run("key", kOldest, kNow, {}, []() -> Result<int> { return 3; }).value(), 3);
}

}  // namespace
}  // namespace augurfs
