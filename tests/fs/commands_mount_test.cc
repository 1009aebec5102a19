// The commands beside `mount`, by the program itself: what they print, and how they end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "fs/expect_refused.h"
#include "support/mount.h"

namespace augurfs {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Commands, TheExampleConfigIsRightAndMounts) {
  TestMount drive;
  drive.put("key", "bytes");
  const ProgramResult example = drive.augurfs({"config", "--example"});
  EXPECT_EQ(example.exit_code, 0) << example.errors;
  const TemporaryDirectory directory;
  const std::string file = directory.write("augurfs.toml", example.output);
  const ProgramResult checked = drive.augurfs({"config", "--check", file});
  EXPECT_EQ(checked.exit_code, 0) << checked.errors;
  EXPECT_EQ(checked.output, file + ": every option in it is right\n");
  ASSERT_EQ(drive.mount({"--config", file}).exit_code, 0);
  EXPECT_EQ(read_file(drive.path("key")), "bytes");
}

TEST(Commands, AWrongConfigIsTold) {
  const TestMount drive;
  const TemporaryDirectory directory;
  const std::string file = directory.write("augurfs.toml", "[log]\nlevel = \"loud\"\n");
  const ProgramResult checked = drive.augurfs({"config", "--check", file});
  EXPECT_EQ(checked.exit_code, kWrongUsage);
  EXPECT_EQ(checked.output, "");
  EXPECT_THAT(checked.errors, HasSubstr(file + ":2:9: "));
  EXPECT_THAT(checked.errors, HasSubstr("log.level"));
}

TEST(Commands, TheVersionAndTheHelpArePrinted) {
  const TestMount drive;
  EXPECT_THAT(drive.augurfs({"version"}).output, StartsWith("augurfs "));
  const ProgramResult help = drive.augurfs({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.output, HasSubstr("augurfs mount s3://bucket/prefix"));
}

TEST(Commands, NoneAndAnUnknownOneAreWrongUsage) {
  const TestMount drive;
  const ProgramResult none = drive.augurfs({});
  EXPECT_EQ(none.exit_code, kWrongUsage);
  EXPECT_THAT(none.errors, HasSubstr("augurfs mount URL DIR"));
  const ProgramResult unknown = drive.augurfs({"muont", "s3://bucket", "/mnt"});
  EXPECT_EQ(unknown.exit_code, kWrongUsage);
  EXPECT_THAT(unknown.errors, HasSubstr("the nearest is mount"));
}

TEST(Commands, WhatIsNotMountedIsNotUnmounted) {
  TestMount drive;
  const ProgramResult unmounted = drive.unmount();
  EXPECT_EQ(unmounted.exit_code, 1);
  EXPECT_EQ(unmounted.errors,
            "augurfs: augurfs has mounted nothing on " + drive.path().string() + "\n");
  const ProgramResult missing = drive.augurfs({"unmount", "/no/such/directory"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.errors, HasSubstr("/no/such/directory does not exist"));
}

TEST(Commands, StatusIsOfTheMountThatAFileLiesOn) {
  TestMount drive;
  drive.put("sub/file", "x");
  ASSERT_EQ(drive.mount().exit_code, 0);
  const std::string mount_point = drive.path();
  const ProgramResult status = drive.augurfs({"status", mount_point + "/sub/file"});
  EXPECT_EQ(status.exit_code, 0) << status.errors;
  EXPECT_THAT(status.output, HasSubstr(mount_point));
  const ProgramResult none = drive.augurfs({"status", mount_point + "/none"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.errors, HasSubstr(mount_point + "/none does not exist"));
}

TEST(Commands, ADaemonKeepsNothingOpenThatItsCallerHas) {
  TestMount drive;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);  // inherited: not close-on-exec
  ASSERT_EQ(drive.mount().exit_code, 0);
  ::close(ends[1]);
  char byte = 0;
  pollfd ended{ends[0], POLLIN, 0};
  constexpr int kPatienceMs = 30'000;
  ASSERT_EQ(::poll(&ended, 1, kPatienceMs), 1) << "the daemon or its watchdog holds the other end";
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
}

// A process that sees `drive` until it dies with this object, as one in a container does.
class Container {
 public:
  explicit Container(const std::filesystem::path& drive) {
    int ready[2];
    if (::pipe(ready) != 0) throw std::runtime_error("no pipe");
    process_ = ::fork();
    if (process_ == 0) {
      have_own_mounts(drive);
      (void)::write(ready[1], "x", 1);
      while (true) ::pause();
    }
    char word = 0;
    ::close(ready[1]);
    is_ready_ = ::read(ready[0], &word, 1) == 1;
    ::close(ready[0]);
  }
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;
  ~Container() { end(); }

  void end() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    process_ends(process_);
    process_ = -1;
  }
  bool is_ready() const { return is_ready_; }
  pid_t process() const { return process_; }

 private:
  pid_t process_ = -1;
  bool is_ready_ = false;
};

TEST(Commands, WhoStillSeesAMountThatWasUnmountedIsTold) {
  TestMount drive;
  drive.put("key", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  Container container(drive.path());
  ASSERT_TRUE(container.is_ready());
  const ProgramResult unmounted = drive.unmount();
  EXPECT_EQ(unmounted.exit_code, 1);
  EXPECT_FALSE(drive.mounted());
  EXPECT_THAT(unmounted.errors,
              HasSubstr("process " + std::to_string(container.process()) + " still sees it"));
  EXPECT_THAT(unmounted.errors, HasSubstr("kill " + std::to_string(drive.daemon())));
  container.end();
  EXPECT_TRUE(drive.daemon_ends());
}

}  // namespace
}  // namespace augurfs
