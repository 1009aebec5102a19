#include "fs/stream_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "predictor/object_id.h"
#include "support/manual_clock.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

Caller caller(std::uint32_t thread, std::uint32_t user = 7) { return {thread, user}; }

// A /proc of our own making.
class StreamTableTest : public testing::Test {
 protected:
  StreamTableTest() {
    proc_.write("sys/kernel/random/boot_id", "11111111-2222\n");
    put(100, 100, 5000, "/usr/bin/cat");
  }

  void put(std::uint32_t thread, std::uint32_t group, std::uint64_t started,
           const std::string& executable, std::uint32_t parent = 1) {
    const std::string name = std::to_string(thread);
    const auto directory = proc_.path() / name;
    std::string stat = name + " (a name) S ) with) S " + std::to_string(parent);
    for (int field = 5; field < 22; ++field) stat += " " + std::to_string(field);
    proc_.write(name + "/stat", stat + " " + std::to_string(started) + " 23 24\n");
    proc_.write(name + "/status",
                "Name:\ta name\nTgid:\t" + std::to_string(group) + "\nNgid:\t0\n");
    stdfs::remove(directory / "exe");
    if (!executable.empty()) stdfs::create_symlink(executable, directory / "exe");
  }
  void remove(std::uint32_t thread) { stdfs::remove_all(proc_.path() / std::to_string(thread)); }

  TemporaryDirectory proc_;
  ManualClock clock_;
  Exclusions exclusions_{"updatedb*", ""};
  StreamTable table_{proc_.path(), &exclusions_, clock_.function()};
};

TEST_F(StreamTableTest, WhatComesFromOneProcessIsMarkedAsLongAsItIsAskedFor) {
  put(300, 300, 1, "/bin/sh", 100);
  put(400, 400, 1, "/bin/cat", 300);
  put(401, 400, 1, "/bin/cat", 300);
  put(500, 500, 1, "/bin/cat", 499);
  put(499, 499, 1, "/bin/cat", 500);  // as no machine has it: nobody goes round for ever
  EXPECT_FALSE(table_.look(caller(400)).marked);
  table_.mark_below(100);
  for (const std::uint32_t thread : {100U, 300U, 400U, 401U}) {
    EXPECT_TRUE(table_.recall(caller(thread)).marked) << thread;
  }
  EXPECT_FALSE(table_.look(caller(500)).marked);
  table_.mark_below(300);
  EXPECT_FALSE(table_.recall(caller(100)).marked);
  EXPECT_TRUE(table_.recall(caller(400)).marked);
  table_.mark_below(0);
  EXPECT_FALSE(table_.recall(caller(400)).marked);
}

TEST_F(StreamTableTest, AProcessIsOneStreamWithItsProgram) {
  const Stream first = table_.look(caller(100));
  EXPECT_NE(first.id, 0U);
  EXPECT_EQ(first.program, program_id("cat"));
  ASSERT_NE(first.executable, nullptr);
  EXPECT_EQ(*first.executable, "/usr/bin/cat");
  EXPECT_EQ(table_.look(caller(100)).id, first.id);
  EXPECT_EQ(table_.recall(caller(100)).id, first.id);
}

TEST_F(StreamTableTest, ThreadsOfAProcessAreOneStream) {
  put(101, 100, 5100, "/usr/bin/cat");
  EXPECT_EQ(table_.look(caller(101)).id, table_.look(caller(100)).id);
  EXPECT_EQ(table_.look(caller(101)).id, table_.look(caller(100)).id) << "when known";
}

TEST_F(StreamTableTest, APidThatIsUsedAgainIsAnotherStream) {
  const auto before = table_.look(caller(100)).id;
  put(100, 100, 5001, "/usr/bin/cat");
  EXPECT_NE(table_.look(caller(100)).id, before);
}

TEST_F(StreamTableTest, AThreadNumberThatGoesToAnotherProcessIsAnotherStream) {
  put(101, 100, 5100, "/usr/bin/cat");
  const auto before = table_.look(caller(101)).id;
  put(101, 101, 6000, "/usr/bin/cat");
  EXPECT_NE(table_.look(caller(101)).id, before);
}

TEST_F(StreamTableTest, AProcessThatBecomesAnotherProgramIsAnotherStreamAtOnce) {
  const Stream shell = table_.look(caller(100));
  put(100, 100, 5000, "/usr/bin/grep");
  const Stream grep = table_.look(caller(100));
  EXPECT_NE(grep.id, shell.id);
  EXPECT_EQ(*grep.executable, "/usr/bin/grep");
}

TEST_F(StreamTableTest, AnotherUserOrAnotherStartOfTheMachineIsAnotherStream) {
  const auto id = table_.look(caller(100)).id;
  EXPECT_NE(table_.look(caller(100, 8)).id, id);
  proc_.write("sys/kernel/random/boot_id", "33333333-4444\n");
  EXPECT_NE(StreamTable(proc_.path()).look(caller(100)).id, id);
}

TEST_F(StreamTableTest, WhoIsNotKnownHasNoStream) {
  EXPECT_EQ(table_.look(caller(0)).id, 0U) << "the kernel, or another pid namespace";
  EXPECT_EQ(table_.recall(caller(0)).id, 0U);
  EXPECT_EQ(table_.look(caller(55)).id, 0U) << "gone";
  EXPECT_EQ(table_.look(caller(55)).executable, nullptr);
  put(56, 57, 100, "/usr/bin/cat");
  EXPECT_EQ(table_.look(caller(56)).id, 0U) << "its group is gone";
  for (const char* stat : {"", "58", "58 (x", "58 (x) S 1 2 3",
                           "58 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 "
                           "14 15 16 17 18 no"}) {
    proc_.write("58/stat", stat);
    EXPECT_EQ(table_.look(caller(58)).id, 0U) << stat;
  }
}

TEST_F(StreamTableTest, AProgramThatMayNotBeLookedAtStillHasAStream) {
  put(100, 100, 5000, "");
  const Stream stream = table_.look(caller(100));
  EXPECT_NE(stream.id, 0U);
  EXPECT_EQ(stream.program, 0U);
  EXPECT_EQ(stream.executable, nullptr);
}

TEST_F(StreamTableTest, AProgramThatWasReplacedKeepsItsName) {
  const auto program = table_.look(caller(100)).program;
  put(100, 100, 5000, "/usr/bin/cat (deleted)");
  EXPECT_EQ(table_.look(caller(100)).program, program);
}

TEST_F(StreamTableTest, KnowsTheExcludedByTheNameOfTheirProgram) {
  EXPECT_FALSE(table_.look(caller(100)).excluded);
  put(100, 100, 5000, "/usr/bin/updatedb.plocate");
  EXPECT_TRUE(table_.look(caller(100)).excluded);
  EXPECT_TRUE(table_.recall(caller(100)).excluded);
}

TEST_F(StreamTableTest, RecallsForAMomentWithoutLooking) {
  const auto id = table_.recall(caller(100)).id;
  remove(100);
  EXPECT_EQ(table_.recall(caller(100)).id, id);
  EXPECT_EQ(table_.recall(caller(100, 8)).id, 0U) << "of another user";
  clock_.advance(StreamTable::kFreshFor);
  EXPECT_EQ(table_.recall(caller(100)).id, 0U);
}

TEST_F(StreamTableTest, RemembersNoMoreThreadsThanItSays) {
  constexpr auto kMax = static_cast<std::uint32_t>(StreamTable::kThreadsMax);
  for (std::uint32_t thread = 1; thread <= 2 * kMax; ++thread) {
    put(thread, thread, thread, "/usr/bin/cat");
    ASSERT_NE(table_.recall(caller(thread)).id, 0U);
    if (thread <= kMax) continue;
    remove(thread - kMax);
    EXPECT_EQ(table_.recall(caller(thread - kMax)).id, 0U) << "still known";
  }
}

TEST(StreamTable, FindsThisProcessFromAnyOfItsThreads) {
  StreamTable table;
  const Stream main = table.look(caller(static_cast<std::uint32_t>(::gettid())));
  ASSERT_NE(main.executable, nullptr);
  EXPECT_EQ(*main.executable, stdfs::read_symlink("/proc/self/exe").string());
  std::uint64_t other = 0;
  std::thread([&] {
    other = table.look(caller(static_cast<std::uint32_t>(::gettid()))).id;
  }).join();
  EXPECT_EQ(other, main.id);
}

TEST(StreamTable, TellsProcessesApartAndForgetsTheDead) {
  StreamTable table;
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    ::close(pipe[1]);
    ::_exit(static_cast<int>(::read(pipe[0], &byte, 1)));
  }
  const auto number = static_cast<std::uint32_t>(child);
  const auto ours = table.look(caller(static_cast<std::uint32_t>(::getpid())));
  const auto its = table.look(caller(number));
  EXPECT_NE(its.id, 0U);
  EXPECT_NE(its.id, ours.id);
  EXPECT_EQ(its.program, ours.program);
  ::close(pipe[0]);
  ::close(pipe[1]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(table.look(caller(number)).id, 0U);
}

}  // namespace
}  // namespace augurfs
