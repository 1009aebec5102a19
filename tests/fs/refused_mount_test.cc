// What a person is told when a mount cannot be: the reason, and nothing stays mounted or running.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "fs/expect_refused.h"
#include "remote/unique_fd.h"
#include "support/mount.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

TEST(RefusedMount, ADirectoryThatIsMissing) {
  TestMount drive;
  fs::remove(drive.path());
  expect_refused(drive, drive.mount(), {drive.path(), "does not exist", "mkdir"});
}

TEST(RefusedMount, AFileInsteadOfADirectory) {
  TestMount drive;
  fs::remove(drive.path());
  const UniqueFd file(::open(drive.path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  expect_refused(drive, drive.mount(), {drive.path(), "is not a directory", "choose"});
}

TEST(RefusedMount, ADirectoryThatIsNotEmpty) {
  TestMount drive;
  fs::create_directory(drive.path("something"));
  expect_refused(drive, drive.mount(), {drive.path(), "is not empty", "choose an empty one"});
}

TEST(RefusedMount, ADirectoryThatIsMountedAlready) {
  TestMount drive;
  ASSERT_EQ(drive.mount().exit_code, 0);
  const ProgramResult second = drive.augurfs(
      {"mount", drive.url(), drive.path(), "--set", "cache.dir=" + drive.cache().string() + "2"});
  EXPECT_EQ(second.exit_code, 1);
  for (const std::string& word : {drive.path().string() + " is already mounted (" + drive.url(),
                                  "augurfs unmount " + drive.path().string()}) {
    EXPECT_NE(second.errors.find(word), std::string::npos) << second.errors;
  }
  EXPECT_TRUE(drive.mounted());
}

TEST(RefusedMount, ADeadMountOfOurOwnIsTakenAway) {
  TestMount drive;
  drive.put("a", "bytes");
  // Without the watchdog, as if it had been killed as well.
  ASSERT_EQ(drive.mount({"--set", "mount.auto_unmount=false"}).exit_code, 0);
  drive.kill_daemon();
  ASSERT_TRUE(drive.mounted());
  const ProgramResult again = drive.mount();
  ASSERT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(again.errors, "augurfs: took away the dead mount of " + drive.url() +
                              " that an earlier daemon had left on " + drive.path().string() +
                              "\n");
  EXPECT_EQ(read_file(drive.path("a")), "bytes");
}

TEST(RefusedMount, ADeadMountOfOurOwnCanBeUnmounted) {
  TestMount drive;
  ASSERT_EQ(drive.mount({"--set", "mount.auto_unmount=false"}).exit_code, 0);
  drive.kill_daemon();
  ASSERT_TRUE(drive.mounted());
  const ProgramResult unmounted = drive.unmount();
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
  EXPECT_FALSE(drive.mounted());
}

TEST(RefusedMount, ACacheDirectoryThatAnotherDaemonHas) {
  TestMount drive;
  TestMount other;
  ASSERT_EQ(other.mount().exit_code, 0);
  expect_refused(drive, drive.mount({"--set", "cache.dir=" + other.cache().string()}),
                 {other.cache(), "in use", std::to_string(other.daemon())});
}

TEST(RefusedMount, ACacheDirectoryThatCannotBeWritten) {
  TestMount drive;
  expect_refused(drive, drive.mount({"--set", "cache.dir=/proc/cache"}),
                 {"/proc/cache", "choose a cache.dir"});
  expect_refused(drive, drive.mount({"--set", "cache.dir=/proc/cache", "--set", "cache.size=10%"}),
                 {"create cache directory", "/proc/cache", "choose a cache.dir"});
}

TEST(RefusedMount, ACacheDirectoryOfAnotherUser) {
  ASSERT_EQ(::geteuid(), 0U) << "needs root to make one";
  TestMount drive;
  fs::create_directory(drive.cache());
  ASSERT_EQ(::chown(drive.cache().c_str(), 12'345, 12'345), 0);
  expect_refused(drive, drive.mount(),
                 {drive.cache(), "belongs to user id 12345", "change its owner", "cache.dir"});
}

TEST(RefusedMount, ALogThatCannotBeWritten) {
  TestMount drive;
  expect_refused(drive, drive.mount({"--set", "log.file=/proc/log"}),
                 {"/proc/log", "choose another log.file"});
}

TEST(RefusedMount, ALogOnAStderrThatTheBackgroundHasNot) {
  TestMount drive;
  expect_refused(drive, drive.mount({"--set", "log.file=stderr"}), {"log.file is stderr", "-f"});
}

TEST(RefusedMount, ABucketThatIsNotThere) {
  TestMount drive;
  expect_refused(drive, drive.mount_url("file:///no/such/bucket"),
                 {"file:///no/such/bucket: No such file or directory", "has to be a directory"});
}

TEST(RefusedMount, AUrlOfAnUnknownScheme) {
  TestMount drive;
  expect_refused(drive, drive.mount_url("gopher://bucket"), {"gopher", "s3://bucket"});
}

TEST(RefusedMount, AMountPointInTheBucketItself) {
  TestMount drive;
  const std::string cache = "cache.dir=" + (drive.path().parent_path() / "run/cache").string();
  for (const auto& bucket : {drive.path().parent_path(), drive.path()}) {
    expect_refused(drive, drive.mount_url("file://" + bucket.string(), {"--set", cache}),
                   {drive.path().string() + " lies in the bucket " + bucket.string(), "choose"});
  }
}

TEST(RefusedMount, AMountPointInTheBucketByAnotherName) {
  TestMount drive;
  const fs::path link = drive.path().parent_path() / "run/link";
  fs::create_symlink(drive.path().parent_path(), link);
  expect_refused(drive, drive.mount_url("file://" + link.string()), {"lies in the bucket"});
}

TEST(RefusedMount, ANeighbourOfTheBucketIsNotInIt) {
  TestMount drive;
  const fs::path bucket = drive.path().string().substr(0, drive.path().string().size() - 1);
  fs::create_directory(bucket);  // its name begins that of the mount point
  const ProgramResult mounted = drive.mount_url("file://" + bucket.string());
  EXPECT_EQ(mounted.exit_code, 0) << mounted.errors;
}

TEST(RefusedMount, ACacheOrALogThatTheMountWouldHide) {
  TestMount drive;
  expect_refused(drive, drive.mount({"--set", "cache.dir=" + drive.path("a/cache").string()}),
                 {drive.path("a/cache").string() + " lies in the mount point", "cache.dir"});
  expect_refused(drive, drive.mount({"--set", "log.file=" + drive.path("log").string()}),
                 {drive.path("log").string() + " lies in the mount point", "log.file"});
  EXPECT_TRUE(fs::is_empty(drive.path()));
}

TEST(RefusedMount, ACacheThatWouldBeInTheBucket) {
  TestMount drive;
  expect_refused(drive, drive.mount({"--set", "cache.dir=" + drive.source("cache").string()}),
                 {drive.source("cache").string() + " lies in the bucket", "cache.dir"});
  EXPECT_TRUE(fs::is_empty(drive.source()));
}

TEST(RefusedMount, AConfigFileThatIsMissing) {
  TestMount drive;
  expect_refused(drive, drive.mount({"--config", "/no/such.toml"}),
                 {"config file /no/such.toml", "No such file"}, kWrongUsage);
}

TEST(RefusedMount, AConfigFileThatIsADirectory) {
  TestMount drive;
  expect_refused(drive, drive.mount({"--config", drive.source()}),
                 {"config file " + drive.source().string(), "it is a directory"}, kWrongUsage);
}

TEST(RefusedMount, AConfigFileThatIsWrongNamesFileLineKeyAndTheNearest) {
  TestMount drive;
  const TemporaryDirectory directory;
  const std::string file = directory.write("augurfs.toml", "[cache]\nsise = \"1 GiB\"\n");
  expect_refused(drive, drive.mount({"--config", file}),
                 {file + ":2:1: ", "cache.sise", "cache.size"}, kWrongUsage);
  directory.write("augurfs.toml", "[cache]\nsize = \"1 Gib of it\"\n");
  expect_refused(drive, drive.mount({"--config", file}),
                 {file + ":2:8: ", "cache.size", "1 Gib of it", "20 GiB"}, kWrongUsage);
}

TEST(RefusedMount, AnEndpointThatIsNone) {
  TestMount drive;
  const std::string setting = "remote.endpoint=localhost:7480";
  expect_refused(drive, drive.mount_url("s3://bucket", {"--set", setting}),
                 {"remote.endpoint", "http://host:port", "not 'localhost:7480'"}, kWrongUsage);
}

TEST(RefusedMount, AnEnvironmentVariableThatIsWrong) {
  TestMount drive;
  drive.environment()["AUGURFS_CACHE_SISE"] = "1 GiB";
  expect_refused(drive, drive.mount(), {"AUGURFS_CACHE_SISE", "cache.size"}, kWrongUsage);
}

TEST(RefusedMount, AMachineWithoutFuse) {
  ASSERT_EQ(::geteuid(), 0U) << "needs root to hide /dev/fuse";
  TestMount drive;
  have_own_mounts();
  // A /dev that has little; the test may live in /dev/shm.
  const std::string hide =
      "mount --bind /dev/shm /mnt && mount -t tmpfs none /dev && mkdir /dev/shm && "
      "mount --bind /mnt /dev/shm && mknod /dev/null c 1 3";
  const ProgramResult hidden = run_program({"sh", "-c", hide}, drive.environment());
  ASSERT_EQ(hidden.exit_code, 0) << hidden.errors;
  const ProgramResult result = drive.mount({"-f"});
  EXPECT_EQ(run_program({"umount", "-l", "/dev", "/mnt"}, drive.environment()).exit_code, 0);
  expect_refused(drive, result, {"/dev/fuse", "modprobe fuse"});
}

TEST(RefusedMount, ACommandLineThatIsWrongIsTold) {
  TestMount drive;
  expect_refused(drive, drive.mount({"--set", "cache.sise=1 GiB"}), {"cache.sise", "cache.size"},
                 kWrongUsage);
}

}  // namespace
}  // namespace augurfs
