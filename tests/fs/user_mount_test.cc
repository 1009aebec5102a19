// Mounts of an ordinary user, through the set-user-id fusermount3.

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/mount.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

// As the user nobody, in a mount namespace of its own: /dev/fuse is open to all where udev makes
// it and to root alone in many containers, so the test brings a node of its own; and the program
// may lie where nobody can go.
class UserMount : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "needs root to become another user";
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    have_own_mounts();
    const std::string node = home_.write("fuse", "");
    constexpr unsigned kMisc = 10;
    constexpr unsigned kFuse = 229;
    fs::remove(node);
    ASSERT_EQ(::mknod(node.c_str(), S_IFCHR, ::makedev(kMisc, kFuse)), 0);
    ASSERT_EQ(::chmod(node.c_str(), 0666), 0);
    ASSERT_EQ(::mount(node.c_str(), "/dev/fuse", nullptr, MS_BIND, nullptr), 0);
    const std::string program = home_.write("augurfs", "");
    ASSERT_EQ(::mount(augurfs_program().c_str(), program.c_str(), nullptr, MS_BIND, nullptr), 0);
    fs::create_directory(drive());
    fs::create_directory(home_.path() / "run");
    home_.write("bucket/a/b.txt", "bytes");
    for (const char* name : {"", "drive", "run"}) {
      ASSERT_EQ(::chown((home_.path() / name).c_str(), kNobody, kNobody), 0);
    }
  }

  void TearDown() override {
    if (daemon_ > 0) {
      as_user({"fusermount3", "-uz", drive()});
      EXPECT_TRUE(process_ends(daemon_));
    }
    ::umount2((home_.path() / "augurfs").c_str(), MNT_DETACH);
    ::umount2("/dev/fuse", MNT_DETACH);
  }

  fs::path drive() const { return home_.path() / "drive"; }

  ProgramResult as_user(const std::vector<std::string>& command, uid_t user = kNobody) const {
    std::vector<std::string> words{"setpriv", "--reuid=" + std::to_string(user), "--regid=65534",
                                   "--clear-groups"};
    words.insert(words.end(), command.begin(), command.end());
    std::map<std::string, std::string> environment{{"PATH", "/usr/bin:/bin"},
                                                   {"HOME", home_.path()},
                                                   {"XDG_RUNTIME_DIR", home_.path() / "run"}};
    for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
      if (const char* value = std::getenv(name)) environment[name] = value;
    }
    return run_program(words, environment);
  }

  ProgramResult augurfs(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), home_.path() / "augurfs");
    return as_user(arguments);
  }

  ProgramResult mount(const std::vector<std::string>& more_arguments = {}) {
    std::vector<std::string> arguments{"mount", "file://" + (home_.path() / "bucket").string(),
                                       drive()};
    arguments.insert(arguments.end(), more_arguments.begin(), more_arguments.end());
    ProgramResult result = augurfs(arguments);
    if (result.exit_code == 0) {
      const auto answer = augurfs({"status", drive(), "--json"});
      daemon_ = nlohmann::json::parse(answer.output).at("pid").get<pid_t>();
    }
    return result;
  }

  bool mounted() const { return is_mounted(drive()); }

  static constexpr uid_t kNobody = 65'534;

  TemporaryDirectory home_;
  pid_t daemon_ = -1;
};

TEST_F(UserMount, AnOrdinaryUserMountsReadsAndUnmounts) {
  const ProgramResult mounted_by_user = mount();
  ASSERT_EQ(mounted_by_user.exit_code, 0) << mounted_by_user.errors;
  EXPECT_EQ(as_user({"cat", drive() / "a/b.txt"}).output, "bytes");
  EXPECT_EQ(as_user({"stat", "-c", "%U", drive() / "a/b.txt"}).output, "nobody\n");
  EXPECT_TRUE(fs::exists(home_.path() / "run" / "augurfs"));
  const auto status = nlohmann::json::parse(augurfs({"status", drive(), "--json"}).output);
  EXPECT_EQ(status.at("passthrough").at("state"), "off");
  EXPECT_NE(status.at("passthrough").at("reason"), "");
  const ProgramResult unmounted = augurfs({"unmount", drive()});
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
  EXPECT_FALSE(mounted());
  EXPECT_TRUE(fs::is_empty(home_.path() / "run" / "augurfs"));
}

TEST_F(UserMount, ADirectoryThatMayNotBeReadKeepsNobodyFromTheOthers) {
  home_.write("bucket/A/secret", "");  // before the others, so that a look at all keys meets it
  ASSERT_EQ(::chmod((home_.path() / "bucket/A").c_str(), 0700), 0);
  const ProgramResult mounted_by_user = mount();
  ASSERT_EQ(mounted_by_user.exit_code, 0) << mounted_by_user.errors;
  EXPECT_EQ(as_user({"cat", drive() / "a/b.txt"}).output, "bytes");
}

TEST_F(UserMount, Fusermount3EndsTheDaemon) {
  ASSERT_EQ(mount().exit_code, 0);
  EXPECT_EQ(as_user({"fusermount3", "-u", drive()}).exit_code, 0);
  EXPECT_FALSE(mounted());
}

TEST_F(UserMount, AKilledDaemonLeavesNoDeadMountBehind) {
  ASSERT_EQ(mount().exit_code, 0);
  ASSERT_EQ(::kill(daemon_, SIGKILL), 0);
  EXPECT_TRUE(unmounts(drive()));
}

TEST_F(UserMount, StatusKnowsAMountThatListensInAnotherRuntimeDirectory) {
  ASSERT_EQ(mount().exit_code, 0);
  const std::string elsewhere = "XDG_RUNTIME_DIR=" + home_.path().string();
  const std::string program = home_.path() / "augurfs";
  const ProgramResult all = as_user({"env", elsewhere, program, "status"});
  EXPECT_EQ(all.exit_code, 1);
  EXPECT_EQ(all.output, "");
  EXPECT_NE(all.errors.find(drive().string() + " ("), std::string::npos) << all.errors;
  EXPECT_NE(all.errors.find("XDG_RUNTIME_DIR"), std::string::npos) << all.errors;
  const ProgramResult one = as_user({"env", elsewhere, program, "status", drive()});
  EXPECT_EQ(one.exit_code, 1);
  EXPECT_NE(one.errors.find("is mounted, but"), std::string::npos) << one.errors;
}

TEST_F(UserMount, ADriveInUseStaysMountedAndNamesItsUser) {
  ASSERT_EQ(mount().exit_code, 0);
  const ProgramResult refused =
      as_user({"sh", "-c", "exec 3< \"$1\"; exec 4<&3; \"$2\" unmount \"$3\"", "sh",
               drive() / "a/b.txt", home_.path() / "augurfs", drive()});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.errors.find("in use by process"), std::string::npos) << refused.errors;
  EXPECT_TRUE(mounted());
}

TEST_F(UserMount, UnmountByForceEndsADaemonThatDoesNotAnswer) {
  ASSERT_EQ(mount().exit_code, 0);
  ASSERT_EQ(::kill(daemon_, SIGSTOP), 0);
  const ProgramResult unmounted = augurfs({"unmount", "--force", drive()});
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
  EXPECT_FALSE(mounted());
  EXPECT_TRUE(process_ends(daemon_));
}

TEST_F(UserMount, TheMountOfAnotherUserIsTheirsToUnmount) {
  ASSERT_EQ(::chmod(home_.path().c_str(), 0755), 0);
  ASSERT_EQ(mount().exit_code, 0);
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--force"}}) {
    std::vector<std::string> command{home_.path() / "augurfs", "unmount", drive()};
    command.insert(command.end(), more.begin(), more.end());
    const ProgramResult refused = as_user(command, 12'345);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_EQ(refused.errors, "augurfs: " + drive().string() +
                                  " was mounted by user id 65534, this process runs as 12345; "
                                  "unmount it as that user or as root: sudo augurfs unmount " +
                                  drive().string() + "\n");
  }
  EXPECT_TRUE(mounted());
}

TEST_F(UserMount, ADirectoryOfAnyNameCanBeUnmounted) {
  const fs::path odd = home_.path() / "it's $HOME `here`";
  fs::create_directory(odd);
  ASSERT_EQ(::chown(odd.c_str(), kNobody, kNobody), 0);
  const std::string url = "file://" + (home_.path() / "bucket").string();
  ASSERT_EQ(augurfs({"mount", url, odd}).exit_code, 0);
  const ProgramResult unmounted = augurfs({"unmount", odd});
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
}

TEST_F(UserMount, TheReasonIsToldWhenFusermount3Refuses) {
  ASSERT_EQ(::chown(drive().c_str(), 0, 0), 0);
  const ProgramResult refused = mount();
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.errors.find("no write access to mountpoint"), std::string::npos)
      << refused.errors;
}

TEST_F(UserMount, AConfigFileThatCannotBeReadIsTold) {
  const fs::path named = home_.write("named.toml", "");
  const fs::path own = home_.write(".config/augurfs/augurfs.toml", "");
  ASSERT_EQ(::chmod(named.c_str(), 0600), 0);
  const ProgramResult refused = mount({"--config", named});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(refused.errors, "augurfs: cannot read the config file " + named.string() +
                                ": Permission denied; user id 65534 has to be able to read it\n");
  EXPECT_EQ(mount().exit_code, 0);
  ASSERT_EQ(augurfs({"unmount", drive()}).exit_code, 0);
  // One that is there by default is not passed over in silence either.
  ASSERT_EQ(::chmod(own.c_str(), 0600), 0);
  const ProgramResult by_default = mount();
  EXPECT_EQ(by_default.exit_code, 2);
  EXPECT_NE(by_default.errors.find(own), std::string::npos) << by_default.errors;
}

TEST_F(UserMount, ADeviceThatIsForRootAloneIsTold) {
  ASSERT_EQ(::chmod("/dev/fuse", 0600), 0);
  const ProgramResult refused = mount();
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.errors.find("chmod 0666 /dev/fuse"), std::string::npos) << refused.errors;
}

}  // namespace
}  // namespace augurfs
