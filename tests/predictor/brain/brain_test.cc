#include "predictor/brain/brain.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace augurfs {
namespace {

// Wants whatever lies beside the object of the event, as far as it knows of it.
class Neighbours : public Expert {
 public:
  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override {
    for (const ObjectId child : catalog.children(catalog.directory(event.object))) {
      const Version* version = catalog.version(child);
      candidates.push_back({.object = child, .range = {0, version->size}});
    }
  }
};

class BrainTest : public testing::Test {
 protected:
  BrainTest() : BrainTest(PacketSocket::pair()) {}
  explicit BrainTest(const ModelNews& model) : BrainTest(PacketSocket::pair(), model) {}
  ~BrainTest() override { static_cast<void>(hang_up()); }

  void send(const std::string& packet) {
    ASSERT_EQ(daemon_->send(packet, true), PacketSocket::Sent::kYes);
  }
  void say(const DaemonRecord& record) { send(encode(record)); }
  std::vector<BrainRecord> hear() {
    const auto packet = daemon_->receive(true);
    if (!packet || !*packet || (*packet)->empty()) return {};
    return decode_for_daemon(**packet).value();
  }
  // What run() returned.
  Result<void> hang_up() {
    daemon_.reset();
    if (thread_.joinable()) thread_.join();
    return ended_;
  }

 private:
  explicit BrainTest(Result<std::pair<PacketSocket, PacketSocket>> ends,
                     const std::optional<ModelNews>& model = std::nullopt)
      : model_(model),
        daemon_(std::move(ends->first)),
        thread_([this, theirs = std::move(ends->second)]() mutable {
          ended_ = Brain(std::move(theirs), {std::make_unique<Neighbours>()}, model_).run();
        }) {}

  const std::optional<ModelNews> model_;
  std::optional<PacketSocket> daemon_;
  Result<void> ended_;
  std::thread thread_;
};

TEST_F(BrainTest, SaysHelloAndEndsWhenTheDaemonHangsUp) {
  const auto said = hear();
  ASSERT_EQ(said.size(), 1U);
  EXPECT_EQ(std::get<BrainHello>(said.front()).version, kProtocolVersion);
  EXPECT_TRUE(hang_up());
}

TEST_F(BrainTest, ThinksAboutAnEventWithWhatItWasTold) {
  hear();
  say(BrainHello{});
  say(ListingNews{"d/", {{"a", 1}}, false});
  say(ListingNews{"d/", {{"b", 2}}, true});
  say(ObjectNews{"d/c", 3});
  Event event;
  event.object = object_id("d/a");
  event.program = 7;
  say(event);
  const auto said = hear();
  ASSERT_EQ(said.size(), 3U);
  for (std::uint64_t i = 0; i < 3; ++i) {
    const auto& hint = std::get<Candidate>(said[i]);
    EXPECT_EQ(hint.object, object_id(std::string("d/") + static_cast<char>('a' + i)));
    EXPECT_EQ(hint.range.length, i + 1);
    EXPECT_EQ(hint.program, 7U) << "for whose ledger it is";
  }
}

TEST_F(BrainTest, LearnsFromThePastAndSaysNothingAboutIt) {
  hear();
  say(BrainHello{});
  say(ObjectNews{"d/a", 1});
  Event event;
  event.object = object_id("d/a");
  event.past = true;
  say(event);
  say(BrainPing{1});
  EXPECT_TRUE(std::holds_alternative<BrainPong>(hear().front()));
}

TEST_F(BrainTest, AnswersAPingBehindWhatWasSaidBefore) {
  hear();
  say(BrainHello{});
  say(ObjectNews{"a", 1});
  Event event;
  event.object = object_id("a");
  say(event);
  say(BrainPing{7});
  EXPECT_TRUE(std::holds_alternative<Candidate>(hear().front()));
  EXPECT_EQ(std::get<BrainPong>(hear().front()).number, 7U);
}

TEST_F(BrainTest, DropsHintsWhenNobodyHearsThemAndCountsThem) {
  hear();
  say(BrainHello{});
  for (int i = 0; i < 100; ++i) say(ObjectNews{"d/" + std::to_string(i), 1});
  Event event;
  event.object = object_id("d/1");
  const std::string packet = encode(DaemonRecord(event));
  constexpr std::uint64_t kEvents = 2000;  // of 100 hints of 46 bytes: no socket holds so much
  for (std::uint64_t i = 0; i < kEvents; ++i) send(packet);
  send(encode(DaemonRecord(BrainPing{1})));
  std::uint64_t hints = 0;
  while (true) {
    for (const BrainRecord& record : hear()) {
      if (std::holds_alternative<Candidate>(record)) ++hints;
      if (const auto* pong = std::get_if<BrainPong>(&record)) {
        EXPECT_GT(pong->hints_dropped, 0U);
        EXPECT_EQ(hints + pong->hints_dropped, kEvents * 100);
        return;
      }
    }
  }
}

TEST_F(BrainTest, EndsWhenTheDaemonMakesNoSense) {
  hear();
  say(BrainHello{});
  send("\xff nonsense");
  EXPECT_TRUE(hear().empty()) << "it has hung up";
  EXPECT_FALSE(hang_up());
}

TEST_F(BrainTest, EndsWhenTheDaemonSpeaksAnotherVersion) {
  hear();
  say(BrainHello{kProtocolVersion + 1});
  EXPECT_TRUE(hear().empty()) << "it has hung up";
  const auto ended = hang_up();
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().message, "the daemon speaks version " +
                                       std::to_string(kProtocolVersion + 1) + ", not " +
                                       std::to_string(kProtocolVersion));
}

TEST_F(BrainTest, HearsNothingBeforeAHello) {
  hear();
  say(BrainPing{1});
  EXPECT_TRUE(hear().empty());
  EXPECT_FALSE(hang_up());
}

class BrainWithoutModelTest : public BrainTest {
 protected:
  BrainWithoutModelTest() : BrainTest(ModelNews{.note = "needs LibTorch"}) {}
};

TEST_F(BrainWithoutModelTest, SaysSoBehindItsHelloAndEachPong) {
  EXPECT_TRUE(std::holds_alternative<BrainHello>(hear().front()));
  const ModelNews expected{.note = "needs LibTorch"};
  EXPECT_EQ(std::get<ModelNews>(hear().front()), expected);
  say(BrainHello{});
  say(BrainPing{1});
  EXPECT_TRUE(std::holds_alternative<BrainPong>(hear().front()));
  EXPECT_EQ(std::get<ModelNews>(hear().front()), expected);
}

}  // namespace
}  // namespace augurfs
