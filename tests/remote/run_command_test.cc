#include "remote/run_command.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(RunCommand, ReturnsWhatTheCommandWrote) {
  EXPECT_EQ(*run_command("printf 'a\\nb'; echo ignored >&2", {}, {}), "a\nb");
  EXPECT_EQ(*run_command("true", {}, {}), "");
  EXPECT_EQ(*run_command("cat", {}, {}), "");  // nothing on its standard input
}

TEST(RunCommand, ItsOutputMayBeAsLongAsTheLimit) {
  const std::string command = "head -c 1000000 /dev/zero | tr '\\0' x";
  EXPECT_EQ(run_command(command, {.output_bytes_max = 1'000'000}, {})->size(), 1'000'000U);
  EXPECT_EQ(run_command(command, {.output_bytes_max = 999'999}, {}).error().code,
            ErrorCode::kInvalid);
  EXPECT_EQ(run_command("yes", {}, {}).error().code, ErrorCode::kInvalid);
}

TEST(RunCommand, AFailureSaysTheLastLineOfItsMessagesAndNothingOfItsOutput) {
  const auto failed =
      run_command("echo verysecret; echo first >&2; echo 'log in first' >&2; exit 3", {}, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kDenied);
  EXPECT_EQ(failed.error().message, "exited with 3: log in first");
  EXPECT_EQ(run_command("kill -9 $$", {}, {}).error().message, "was ended by signal 9");
  EXPECT_EQ(run_command("/nonexistent/tool", {}, {}).error().code, ErrorCode::kDenied);
}

TEST(RunCommand, EndlessMessagesAreNoTrouble) {
  const auto failed =
      run_command("head -c 3000000 /dev/zero >&2; echo >&2; echo end >&2; exit 1", {}, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "exited with 1: end");
}

TEST(RunCommand, ControlCharactersOfAMessageDoNotReachTheTerminal) {
  EXPECT_EQ(run_command("printf '\\033[31mred' >&2; exit 1", {}, {}).error().message,
            "exited with 1: ?[31mred");
}

TEST(RunCommand, TakingTooLongEndsItAndAllItStarted) {
  const TemporaryDirectory directory;
  const std::string pid_file = (directory.path() / "pid").string();
  const auto result = run_command("sleep 1000 & echo $! > " + pid_file + "; wait",
                                  {.timeout = milliseconds{300}}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kTimeout);
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  // Killed, though perhaps not yet collected by init; either way it soon takes no signal.
  while (pid > 0 && ::kill(pid, 0) == 0) {
    std::string state;
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    stat >> state >> state >> state;
    if (state == "Z" || state == "X") break;
    std::this_thread::yield();
  }
}

TEST(RunCommand, AChildLeftBehindWithTheOutputOpenIsNotWaitedFor) {
  EXPECT_EQ(*run_command("sleep 1000 & echo done", {.timeout = hours{1}}, {}), "done\n");
}

TEST(RunCommand, AStopEndsIt) {
  const TemporaryDirectory directory;
  const auto started = directory.path() / "started";
  std::stop_source stop;
  Result<std::string> result;
  std::jthread runner([&] {
    result = run_command("touch " + started.string() + "; sleep 1000", {.timeout = hours{1}},
                         stop.get_token());
  });
  while (!std::filesystem::exists(started)) std::this_thread::yield();
  stop.request_stop();
  runner.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kCancelled);
}

}  // namespace
}  // namespace augurfs
