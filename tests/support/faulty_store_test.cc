#include "support/faulty_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/memory_store.h"

namespace augurfs {
namespace {

constexpr std::uint64_t kSeed = 7;

struct Fetched {
  std::string bytes;
  Result<void> result;
};

Fetched fetch(ObjectStore& store, const Version& version, std::stop_token stop = {}) {
  std::string bytes;
  auto result = store.get(
      version, {0, version.size},
      [&](std::span<const std::byte> piece) {
        bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return true;
      },
      stop);
  return {bytes, result};
}

std::string content() {
  std::string bytes;
  for (int i = 0; i < 10'000; ++i) bytes += std::to_string(i);
  return bytes;
}

TEST(FaultyStore, WithoutRatesIsTheStoreBehindIt) {
  MemoryStore memory;
  const Version version = memory.put("a", content());
  FaultyStore store(memory, {}, kSeed);
  const Fetched fetched = fetch(store, version);
  EXPECT_TRUE(fetched.result);
  EXPECT_EQ(fetched.bytes, content());
  EXPECT_TRUE(store.head("a", {}));
  EXPECT_EQ(store.list({}, {})->objects.size(), 1U);
  EXPECT_EQ(store.faults(), 0U);
}

TEST(FaultyStore, DeliversARightPrefixBeforeItsError) {
  MemoryStore memory;
  const Version version = memory.put("a", content());
  const std::pair<FaultRates, ErrorCode> cases[] = {
      {{.unavailable = 1}, ErrorCode::kUnavailable},
      {{.short_body = 1}, ErrorCode::kUnavailable},
      {{.reset = 1}, ErrorCode::kUnavailable},
      {{.stale = 1}, ErrorCode::kStale},
  };
  for (const auto& [rates, code] : cases) {
    FaultyStore store(memory, rates, kSeed);
    const Fetched fetched = fetch(store, version);
    ASSERT_FALSE(fetched.result);
    EXPECT_EQ(fetched.result.error().code, code);
    EXPECT_TRUE(content().starts_with(fetched.bytes));
  }
}

TEST(FaultyStore, AShortBodyLacksOnlyItsLastBytes) {
  MemoryStore memory;
  const Version version = memory.put("a", content());
  FaultyStore store(memory, {.short_body = 1}, kSeed);
  const Fetched fetched = fetch(store, version);
  EXPECT_LT(fetched.bytes.size(), content().size());
  EXPECT_GE(fetched.bytes.size() + 16, content().size());
}

TEST(FaultyStore, ASeedRepeatsItsRunAndAnotherDoesNot) {
  MemoryStore memory;
  const Version version = memory.put("a", content());
  const auto run = [&](std::uint64_t seed) {
    FaultyStore store(memory, {.unavailable = .2, .reset = .3}, seed);
    std::string sizes;
    for (int i = 0; i < 50; ++i) sizes += std::to_string(fetch(store, version).bytes.size()) + " ";
    return sizes;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(FaultyStore, MeetsFaultsAboutAsOftenAsAsked) {
  MemoryStore memory;
  memory.put("a", content());
  FaultyStore store(memory, {.unavailable = .25}, kSeed);
  int failed = 0;
  for (int i = 0; i < 1000; ++i) failed += store.head("a", {}) ? 0 : 1;
  EXPECT_GT(failed, 200);
  EXPECT_LT(failed, 300);
  EXPECT_EQ(store.faults(), static_cast<std::uint64_t>(failed));
}

TEST(FaultyStore, AStallEndsWhenItIsCancelled) {
  MemoryStore memory;
  const Version version = memory.put("a", content());
  FaultyStore store(memory, {.stall = 1}, kSeed);
  std::stop_source stop;
  Fetched fetched;
  Result<ObjectInfo> head;
  Result<ListPage> list;
  std::jthread reader([&] {
    fetched = fetch(store, version, stop.get_token());
    head = store.head("a", stop.get_token());
    list = store.list({}, stop.get_token());
  });
  stop.request_stop();
  reader.join();
  ASSERT_FALSE(fetched.result);
  EXPECT_EQ(fetched.result.error().code, ErrorCode::kCancelled);
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().code, ErrorCode::kCancelled);
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, ErrorCode::kCancelled);
}

TEST(FaultyStore, SettingNoRatesEndsTheTrouble) {
  MemoryStore memory;
  memory.put("a", content());
  FaultyStore store(memory, {.unavailable = 1}, kSeed);
  EXPECT_FALSE(store.head("a", {}));
  store.set_rates({});
  EXPECT_TRUE(store.head("a", {}));
}

}  // namespace
}  // namespace augurfs
