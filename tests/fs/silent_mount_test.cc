// Commands about a mount whose daemon does not answer, or cannot be asked.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "remote/unique_fd.h"
#include "support/mount.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

// A mount whose daemon is stopped, and goes on when the test ends.
class SilentMount : public testing::Test {
 protected:
  void SetUp() override {
    drive_.put("a", "bytes");
    ASSERT_EQ(drive_.mount().exit_code, 0);
    ASSERT_EQ(::kill(drive_.daemon(), SIGSTOP), 0);
  }
  void TearDown() override { ::kill(drive_.daemon(), SIGCONT); }

  // That the command ends, in vain, and says so and what to do.
  void expect_told(const std::vector<std::string>& command) const {
    const ProgramResult result = drive_.augurfs(command);
    EXPECT_EQ(result.exit_code, 1);
    for (const std::string& word : {drive_.path().string(), std::string("does not answer"),
                                    "augurfs unmount --force " + drive_.path().string()}) {
      EXPECT_NE(result.errors.find(word), std::string::npos) << result.errors;
    }
  }

  TestMount drive_;
};

TEST_F(SilentMount, StatusTellsAndEnds) {
  expect_told({"status", drive_.path()});
  expect_told({"status"});
}

TEST_F(SilentMount, APathInItAndALinkToItAreToldAsWell) {
  const fs::path link = drive_.path().parent_path() / "link";
  fs::create_directory_symlink(drive_.path(), link);
  expect_told({"status", drive_.path("a")});
  expect_told({"unmount", link});
}

TEST_F(SilentMount, MountingAgainTellsAndEnds) {
  expect_told({"mount", drive_.url(), drive_.path()});
}

TEST_F(SilentMount, UnmountTellsAndLeavesItMounted) {
  expect_told({"unmount", drive_.path()});
  EXPECT_TRUE(drive_.mounted());
}

TEST_F(SilentMount, UnmountByForceTakesItAwayWithItsDaemonAndFreesItsCache) {
  const ProgramResult unmounted = drive_.augurfs({"unmount", "--force", drive_.path()});
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
  EXPECT_FALSE(drive_.mounted());
  EXPECT_TRUE(drive_.daemon_ends());
  const ProgramResult again = drive_.mount();
  ASSERT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(read_file(drive_.path("a")), "bytes");
}

TEST(UnaskableMount, UnmountByForceEndsADaemonWhoseDriveIsInUse) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  const UniqueFd user(::open(drive.path("a").c_str(), O_RDONLY | O_CLOEXEC));
  const ProgramResult unmounted = drive.augurfs({"unmount", "--force", drive.path()});
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
  EXPECT_FALSE(drive.mounted());
  EXPECT_TRUE(drive.daemon_ends());
}

TEST(UnaskableMount, ADeadOneIsToldByStatusWithWhatToDo) {
  TestMount drive;
  ASSERT_EQ(drive.mount({"--set", "mount.auto_unmount=false"}).exit_code, 0);
  drive.kill_daemon();
  for (const auto& command :
       {std::vector<std::string>{"status"}, {"status", drive.path().string()}}) {
    const ProgramResult result = drive.augurfs(command);
    EXPECT_EQ(result.exit_code, 1);
    for (const std::string& word : {drive.path().string() + " (" + drive.url() + ") is dead",
                                    "augurfs unmount " + drive.path().string()}) {
      EXPECT_NE(result.errors.find(word), std::string::npos) << result.errors;
    }
    EXPECT_EQ(result.output.find("nothing is mounted"), std::string::npos);
  }
}

TEST(UnaskableMount, ADirectoryThatIsNoneIsToldWithoutAskingForIt) {
  const TestMount drive;
  const std::string missing = drive.path("missing");
  for (const char* command : {"status", "unmount"}) {
    const ProgramResult result = drive.augurfs({command, missing});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(result.errors, "augurfs: " + missing + " does not exist\n");
  }
}

TEST(UnaskableMount, ADirectoryWithoutANameIsAnError) {
  const TestMount drive;
  for (const auto& command :
       {std::vector<std::string>{"status", ""}, {"unmount", ""}, {"mount", drive.url(), ""}}) {
    const ProgramResult result = drive.augurfs(command);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.errors.find("is empty"), std::string::npos) << result.errors;
  }
}

TEST(UnaskableMount, AWorkingDirectoryThatIsGoneIsAnError) {
  TestMount drive;
  fs::create_directory(drive.source("gone"));
  for (const std::string& command :
       {std::string("status x"), std::string("unmount x"), "mount " + drive.url() + " x"}) {
    const ProgramResult result =
        run_program({"sh", "-c",
                     "cd " + drive.source("gone").string() + " && rmdir ../gone; " +
                         augurfs_program().string() + " " + command + "; code=$?; mkdir -p " +
                         drive.source("gone").string() + "; exit $code"},
                    drive.environment());
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.errors.find("working directory"), std::string::npos) << result.errors;
  }
}

}  // namespace
}  // namespace augurfs
