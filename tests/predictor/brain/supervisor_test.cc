#include "predictor/brain/supervisor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "remote/guarded.h"
#include "remote/unique_fd.h"
#include "support/eventually.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() { catalog.see({"object", "etag", 1000}); }

  static SupervisorOptions fake(const std::string& mode) {
    return {.command = {AUGURFS_FAKE_BRAIN, mode},
            .restart_after_min = milliseconds(1),
            .restart_after_max = milliseconds(1)};
  }
  static SupervisorOptions real() {
    SupervisorOptions options = fake("");
    options.command = {AUGURFS_BRAIN, "1000000000", "1048576", "1000000000"};
    return options;
  }
  void start(const SupervisorOptions& options) {
    supervisor = std::make_unique<Supervisor>(options, [this](std::span<const Candidate> found) {
      auto locked = hints.lock();
      locked->insert(locked->end(), found.begin(), found.end());
    });
  }
  bool runs() {
    return eventually([&] { return supervisor->stats().state == BrainState::kRunning; });
  }
  // As a brain that is not there yet hears nothing.
  void tell(std::uint64_t offset) {
    Event event;
    event.object = object_id("object");
    event.range = {offset, 1};
    supervisor->tell(event, catalog);
  }
  std::string reason() const { return supervisor->stats().reason; }

  Catalog catalog;
  Guarded<std::vector<Candidate>> hints;
  std::unique_ptr<Supervisor> supervisor;
};

TEST_F(SupervisorTest, EventsReachTheBrainAndItsHintsComeBackInOrder) {
  start(fake("echo"));
  ASSERT_TRUE(runs());
  for (std::uint64_t i = 0; i < 1000; ++i) tell(i);
  ASSERT_TRUE(eventually([&] { return hints.lock()->size() >= 1000; }));
  auto found = hints.lock();
  for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_EQ((*found)[i].range.offset, i);
  const BrainStats stats = supervisor->stats();
  EXPECT_EQ(stats.events_sent, 1000U);
  EXPECT_EQ(stats.hints_received, 1000U);
  EXPECT_EQ(stats.restarts, 0U);
  EXPECT_GT(stats.process, 0);
  EXPECT_EQ(stats.reason, "");
}

struct Misbehaviour {
  std::string mode;
  std::string reason;
};

class SupervisorMisbehaviourTest : public SupervisorTest,
                                   public testing::WithParamInterface<Misbehaviour> {};

TEST_P(SupervisorMisbehaviourTest, EndsTheBrainSaysWhyAndStartsAnother) {
  SupervisorOptions options = fake(GetParam().mode);
  options.ping_every = milliseconds(10);
  options.answer_within = milliseconds(100);
  if (GetParam().mode != "silent" && GetParam().mode != "deaf") {
    options.answer_within = std::chrono::hours(1);
  }
  options.records_per_second_max = 1000;
  start(options);
  // On a busy machine one that would be deaf may not even have said hello in time.
  ASSERT_TRUE(eventually([&] {
    const BrainStats stats = supervisor->stats();
    return stats.restarts >= 3 && stats.reason.find(GetParam().reason) != std::string::npos;
  })) << reason();
}

INSTANTIATE_TEST_SUITE_P(All, SupervisorMisbehaviourTest,
                         testing::Values(Misbehaviour{"exit", "exited with 7: last words"},
                                         Misbehaviour{"silent", "has not said hello"},
                                         Misbehaviour{"version", "speaks version 5, not 4"},
                                         Misbehaviour{"hasty", "before a hello"},
                                         Misbehaviour{"twice", "hello twice"},
                                         Misbehaviour{"unasked", "a pong that cannot be"},
                                         Misbehaviour{"oversize", "a packet of 65536 bytes"},
                                         Misbehaviour{"garbage", "sent a record"},
                                         Misbehaviour{"flood", "too many hints"},
                                         Misbehaviour{"deaf", "does not answer"}),
                         [](const auto& test) { return test.param.mode; });

TEST_F(SupervisorTest, AMissingProgramIsSaidAndNothingElseHappens) {
  SupervisorOptions options = fake("");
  options.command = {"/nowhere/augurfs-predictor"};
  start(options);
  ASSERT_TRUE(eventually([&] { return !reason().empty(); }));
  tell(1);
  const BrainStats stats = supervisor->stats();
  EXPECT_EQ(stats.state, BrainState::kAbsent);
  EXPECT_EQ(stats.reason, "/nowhere/augurfs-predictor: No such file or directory");
  EXPECT_EQ(stats.restarts, 0U);
  EXPECT_EQ(stats.events_dropped, 1U);
}

TEST_F(SupervisorTest, TheBrainInheritsNothingButItsSocket) {
  const UniqueFd secret(::open("/dev/zero", O_RDONLY));  // without O_CLOEXEC, on purpose
  start(fake("inheritance"));
  ASSERT_TRUE(eventually([&] { return !reason().empty(); }));
  EXPECT_EQ(reason(), "exited with 7: inherited:");
}

TEST_F(SupervisorTest, ToTellABrainThatDoesNotListenNeverWaitsAndIsBounded) {
  SupervisorOptions options = fake("deaf");
  options.outbox_bytes_max = 10'000;
  start(options);
  ASSERT_TRUE(runs());
  constexpr std::uint64_t kEvents = 50'000;  // 4 MB: no socket holds that
  for (std::uint64_t i = 0; i < kEvents; ++i) tell(i);
  EXPECT_GT(supervisor->stats().events_dropped, kEvents / 2);
  // What waits is dropped with the brain, and then all are accounted for.
  ::kill(supervisor->stats().process, SIGKILL);
  EXPECT_TRUE(eventually([&] {
    const BrainStats stats = supervisor->stats();
    return stats.events_sent + stats.events_dropped == kEvents;
  }));
}

TEST_F(SupervisorTest, AKilledBrainIsReplaced) {
  start(real());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(runs());
    const pid_t process = supervisor->stats().process;
    ASSERT_GT(process, 0);
    ::kill(process, SIGKILL);
    ASSERT_TRUE(eventually([&] { return supervisor->stats().process != process; }));
  }
  EXPECT_THAT(reason(), HasSubstr("was ended by signal 9"));
}

TEST_F(SupervisorTest, ABrainThatHangsIsReplaced) {
  SupervisorOptions options = real();
  options.ping_every = milliseconds(10);
  options.answer_within = milliseconds(500);
  start(options);
  ASSERT_TRUE(runs());
  const pid_t process = supervisor->stats().process;
  ::kill(process, SIGSTOP);
  ASSERT_TRUE(eventually([&] { return reason() == "does not answer"; })) << reason();
  ASSERT_TRUE(runs());
  EXPECT_NE(supervisor->stats().process, process);
}

TEST_F(SupervisorTest, ABrainThatAnswersIsLeftAlone) {
  SupervisorOptions options = real();
  options.ping_every = milliseconds(0);  // one after the other
  start(options);
  ASSERT_TRUE(runs());
  for (std::uint64_t i = 0; i < 1000; ++i) tell(i);
  EXPECT_EQ(supervisor->stats().restarts, 0U) << reason();
}

TEST_F(SupervisorTest, ABrainThatWantsTooMuchMemoryEndsAndIsReplaced) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const std::string chunk_bytes = "0";  // with sanitizers there is no limit; it ends all the same
#else
  const std::string chunk_bytes = "4096";
#endif
  SupervisorOptions options = real();
  options.command = {AUGURFS_BRAIN, "1", chunk_bytes, "1000000000"};
  start(options);
  ASSERT_TRUE(eventually([&] { return supervisor->stats().restarts >= 3; }));
  EXPECT_THAT(reason(), HasSubstr("exited with"));
}

TEST_F(SupervisorTest, ABrainThatIsNotWantedEndsAndAnotherIsStartedWhenItIs) {
  SupervisorOptions options = real();
  options.wanted = false;
  start(options);
  tell(1);
  EXPECT_EQ(supervisor->stats().state, BrainState::kOff);
  EXPECT_EQ(supervisor->stats().process, 0);
  for (int i = 0; i < 3; ++i) {
    supervisor->want(true);
    ASSERT_TRUE(runs());
    const pid_t process = supervisor->stats().process;
    supervisor->want(false);
    EXPECT_EQ(supervisor->stats().state, BrainState::kOff);
    ASSERT_TRUE(eventually([&] { return supervisor->stats().process == 0; }));
    EXPECT_EQ(::kill(process, 0), -1);
  }
  EXPECT_EQ(supervisor->stats().restarts, 0U);
  EXPECT_EQ(supervisor->stats().events_dropped, 0U) << "nobody wanted it to be told";
  EXPECT_EQ(reason(), "");
}

TEST_F(SupervisorTest, TheBrainEndsWithTheSupervisor) {
  start(real());
  ASSERT_TRUE(runs());
  const pid_t process = supervisor->stats().process;
  supervisor.reset();
  EXPECT_EQ(::kill(process, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(SupervisorTest, ABrainThatHangsDoesNotKeepTheSupervisorFromEnding) {
  start(real());
  ASSERT_TRUE(runs());
  const pid_t process = supervisor->stats().process;
  ::kill(process, SIGSTOP);
  supervisor.reset();
  EXPECT_EQ(::kill(process, 0), -1);
}

}  // namespace
}  // namespace augurfs
