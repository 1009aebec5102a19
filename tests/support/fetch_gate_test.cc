#include "support/fetch_gate.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/memory_store.h"

namespace augurfs {
namespace {

// A get on a thread of its own, and what it has delivered so far.
class Fetch {
 public:
  Fetch(ObjectStore& store, const Version& version)
      : thread_([this, &store, version](std::stop_token stop) {
          result_ = store.get(
              version, {0, version.size},
              [this](std::span<const std::byte> piece) {
                bytes_.lock()->append(reinterpret_cast<const char*>(piece.data()), piece.size());
                return true;
              },
              stop);
        }) {}

  std::string bytes() const { return *bytes_.lock(); }
  void cancel() { thread_.request_stop(); }
  Result<void> join() {
    thread_.join();
    return result_;
  }

 private:
  Guarded<std::string> bytes_;
  Result<void> result_;
  std::jthread thread_;
};

TEST(FetchGate, IsOpenToBeginWith) {
  MemoryStore memory;
  const Version version = memory.put("a", "bytes");
  FetchGate gate(memory);
  EXPECT_TRUE(gate.head("a", {}));
  EXPECT_TRUE(gate.list({}, {}));
  Fetch fetch(gate, version);
  EXPECT_TRUE(fetch.join());
  EXPECT_EQ(fetch.bytes(), "bytes");
  EXPECT_EQ(gate.counts(FetchGate::kGet).calls, 1U);
  EXPECT_EQ(gate.counts(FetchGate::kGet).ended, 1U);
  EXPECT_EQ(gate.gets().at(0).range.length, 5U);
}

TEST(FetchGate, HoldsAGetAtTheByteThatWasAskedFor) {
  MemoryStore memory;
  const std::string content(100'000, 'x');
  const Version version = memory.put("a", content);
  FetchGate gate(memory);
  gate.hold_gets_at(0);
  Fetch fetch(gate, version);
  for (const std::uint64_t bytes : {0U, 1U, 16'384U, 16'385U, 99'999U, 100'000U}) {
    gate.hold_gets_at(bytes);
    ASSERT_TRUE(gate.wait_until_held(FetchGate::kGet));
    EXPECT_EQ(fetch.bytes().size(), bytes);
    EXPECT_EQ(gate.counts(FetchGate::kGet).ended, 0U);
  }
  gate.open();
  EXPECT_TRUE(fetch.join());
  EXPECT_EQ(fetch.bytes(), content);
}

TEST(FetchGate, HoldsOnlyTheKeyThatWasNamed) {
  MemoryStore memory;
  const Version held = memory.put("held", "1");
  const Version other = memory.put("other", "2");
  FetchGate gate(memory);
  gate.hold_gets_at(0, "held");
  Fetch waiting(gate, held);
  Fetch going(gate, other);
  EXPECT_TRUE(going.join());
  ASSERT_TRUE(gate.wait_until_held(FetchGate::kGet));
  gate.open();
  EXPECT_TRUE(waiting.join());
}

TEST(FetchGate, AHeldCallCanBeCancelled) {
  MemoryStore memory;
  FetchGate gate(memory);
  gate.hold_gets_at(2);
  Fetch fetch(gate, memory.put("a", "bytes"));
  ASSERT_TRUE(gate.wait_until_held(FetchGate::kGet));
  fetch.cancel();
  const auto result = fetch.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(fetch.bytes(), "by");
  EXPECT_EQ(gate.counts(FetchGate::kGet).held, 0U);
}

TEST(FetchGate, AHeldCallCanBeMadeToFailAndTheNextIsHeldAgain) {
  MemoryStore memory;
  const Version version = memory.put("a", "bytes");
  FetchGate gate(memory);
  gate.hold_gets_at(3);
  Fetch first(gate, version);
  ASSERT_TRUE(gate.wait_until_held(FetchGate::kGet));
  gate.fail_held(FetchGate::kGet, {ErrorCode::kUnavailable, "pulled the plug"});
  const auto result = first.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "pulled the plug");
  Fetch second(gate, version);
  ASSERT_TRUE(gate.wait_until_held(FetchGate::kGet));
  gate.open();
  EXPECT_TRUE(second.join());
}

TEST(FetchGate, HoldsHeadsAndLists) {
  MemoryStore memory;
  memory.put("a", "bytes");
  FetchGate gate(memory);
  gate.hold(FetchGate::kHead, "a");
  gate.hold(FetchGate::kList);
  std::jthread head([&] { EXPECT_TRUE(gate.head("a", {})); });
  std::jthread list([&] { EXPECT_TRUE(gate.list({}, {})); });
  EXPECT_TRUE(gate.wait_until_held(FetchGate::kHead));
  EXPECT_TRUE(gate.wait_until_held(FetchGate::kList));
  gate.open();
}

}  // namespace
}  // namespace augurfs
