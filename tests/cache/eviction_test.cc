#include "cache/eviction.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

std::vector<std::uint32_t> drained(Eviction& eviction) {
  std::vector<std::uint32_t> order;
  while (eviction.victim() != Eviction::kNone) {
    order.push_back(eviction.victim());
    eviction.remove(order.back());
  }
  return order;
}

TEST(Eviction, HasNoVictimWhenEmpty) {
  const Eviction eviction;
  EXPECT_EQ(eviction.victim(), Eviction::kNone);
}

TEST(Eviction, TakesTheLeastRecentlyUsedFirst) {
  Eviction eviction;
  for (const std::uint32_t slot : {5U, 0U, 3U, 1U}) eviction.add(slot, Origin::kDemand);
  eviction.use(0);
  eviction.use(5);
  eviction.use(5);
  EXPECT_EQ(drained(eviction), (std::vector<std::uint32_t>{3, 1, 0, 5}));
}

TEST(Eviction, ForgetsWhatIsRemovedFromAnywhere) {
  Eviction eviction;
  for (std::uint32_t slot = 0; slot < 5; ++slot) eviction.add(slot, Origin::kPrefetch);
  for (const std::uint32_t slot : {0U, 2U, 4U}) eviction.remove(slot);
  eviction.add(2, Origin::kDemand);
  EXPECT_EQ(drained(eviction), (std::vector<std::uint32_t>{1, 3, 2}));
}

}  // namespace
}  // namespace augurfs
