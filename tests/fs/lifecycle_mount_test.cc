// How a mount begins and ends, by the program itself.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "remote/unique_fd.h"
#include "support/eventually.h"
#include "support/mount.h"

namespace augurfs {
namespace {

std::size_t sockets_for(const TestMount& drive) {
  // Root's sockets lie in one place for all; this one is known by its answer.
  const ProgramResult all = drive.augurfs({"status", "--json"});
  std::size_t count = 0;
  for (const auto& mount : nlohmann::json::parse(all.output)) {
    if (mount.at("mount_point") == drive.path().string()) ++count;
  }
  return count;
}

// How many chunks the daemon has brought into its index.
int chunks_written(const TestMount& drive) {
  const std::string log = drive.log();
  const std::string word = "cache.index_written ";
  int chunks = 0;
  for (std::size_t at = log.find(word); at != std::string::npos; at = log.find(word, at + 1)) {
    chunks += std::stoi(log.substr(log.find("chunks=", at) + std::strlen("chunks=")));
  }
  return chunks;
}

// Nothing mounted, running, listening or locked, and the index written to its end: the next daemon
// takes the cache as it is.
void expect_nothing_left(TestMount& drive) {
  EXPECT_FALSE(drive.mounted());
  EXPECT_TRUE(drive.daemon_ends());
  EXPECT_EQ(sockets_for(drive), 0U);
  const std::size_t before = drive.log().size();
  const ProgramResult again = drive.mount();
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  ASSERT_TRUE(drive.logs("cache.loaded", before));  // behind the mount's back
  const std::string log = drive.log().substr(before);
  EXPECT_NE(log.find("clean=true"), std::string::npos) << log;
  EXPECT_EQ(drive.unmount().exit_code, 0);
}

TEST(MountLifecycle, ALineOfFstabMountsItAndUmountEndsIt) {
  TestMount drive;
  drive.put("a/b.txt", "bytes");
  const auto home = drive.cache().parent_path();
  std::ofstream(home / "fstab") << augurfs_program().string() << '#' << drive.url() << " "
                                << drive.path().string()
                                << " fuse _netdev,nofail,cache.dir=" << drive.cache().string()
                                << ",log.file=" << (home / "log").string() << " 0 0\n";
  const ProgramResult mounted =
      run_program({"mount", "--fstab", home / "fstab", drive.path()}, drive.environment());
  ASSERT_EQ(mounted.exit_code, 0) << mounted.errors;
  EXPECT_EQ(read_file(drive.path("a/b.txt")), "bytes");
  const ProgramResult status = drive.augurfs({"status", drive.path(), "--json"});
  const auto daemon = nlohmann::json::parse(status.output).at("pid").get<pid_t>();
  EXPECT_EQ(run_program({"umount", drive.path()}, drive.environment()).exit_code, 0);
  EXPECT_TRUE(process_ends(daemon));
}

TEST(MountLifecycle, TheDriveAnswersWhenTheCommandReturns) {
  TestMount drive;
  drive.put("a/b.txt", "bytes");
  const ProgramResult mounted = drive.mount();
  ASSERT_EQ(mounted.exit_code, 0) << mounted.errors;
  EXPECT_EQ(mounted.output + mounted.errors, "");
  EXPECT_EQ(read_file(drive.path("a/b.txt")), "bytes");
}

TEST(MountLifecycle, TheDirectoryMayBeRelative) {
  TestMount drive;
  drive.put("a", "bytes");
  const std::string augurfs =
      "cd " + drive.path().parent_path().string() + " && " + augurfs_program().string();
  const std::string options = " --set cache.dir=" + drive.cache().string() +
                              " --set log.file=" + drive.cache().string() + ".log";
  const ProgramResult mounted = run_program(
      {"sh", "-c", augurfs + " mount " + drive.url() + " drive" + options}, drive.environment());
  ASSERT_EQ(mounted.exit_code, 0) << mounted.errors;
  EXPECT_EQ(read_file(drive.path("a")), "bytes");
  const ProgramResult unmounted =
      run_program({"sh", "-c", augurfs + " unmount ./drive/"}, drive.environment());
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
  EXPECT_FALSE(drive.mounted());
}

TEST(MountLifecycle, UnmountReturnsWhenTheDaemonIsGone) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  const ProgramResult unmounted = drive.unmount();
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
  EXPECT_NE(::waitpid(drive.daemon(), nullptr, WNOHANG), 0) << "still running";
  expect_nothing_left(drive);
}

TEST(MountLifecycle, UmountEndsTheDaemon) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  const ProgramResult unmounted = run_program({"umount", drive.path()}, drive.environment());
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
  expect_nothing_left(drive);
}

TEST(MountLifecycle, Fusermount3EndsTheDaemon) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  const ProgramResult unmounted =
      run_program({"fusermount3", "-u", drive.path()}, drive.environment());
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.errors;
  expect_nothing_left(drive);
}

TEST(MountLifecycle, AForcedUmountEndsTheDaemon) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_EQ(::umount2(drive.path().c_str(), MNT_FORCE), 0);
  expect_nothing_left(drive);
}

TEST(MountLifecycle, AnAbortedConnectionEndsTheDaemonAndItsMount) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  struct stat root {};
  ASSERT_EQ(::stat(drive.path().c_str(), &root), 0);
  const TemporaryDirectory control;
  ASSERT_EQ(::mount("none", control.path().c_str(), "fusectl", 0, nullptr), 0);
  const std::string connection = std::to_string(minor(root.st_dev));
  {
    const std::string file = control.path() / connection / "abort";
    const UniqueFd abort(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(::write(abort.get(), "1", 1), 1) << file;
  }
  ::umount2(control.path().c_str(), MNT_DETACH);
  EXPECT_TRUE(drive.daemon_ends());
  expect_nothing_left(drive);
}

TEST(MountLifecycle, SigtermEndsTheDaemonAlsoWhenItsDriveIsInUse) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  const UniqueFd user(::open(drive.path("a").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(user);
  ASSERT_EQ(::kill(drive.daemon(), SIGTERM), 0);
  EXPECT_TRUE(drive.daemon_ends());
  EXPECT_TRUE(drive.unmounts());
  expect_nothing_left(drive);
}

TEST(MountLifecycle, TheDaemonEndsWithSuccessOnSigterm) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_EQ(::kill(drive.daemon(), SIGTERM), 0);
  int status = -1;
  ASSERT_EQ(::waitpid(drive.daemon(), &status, 0), drive.daemon());
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(MountLifecycle, ADriveInUseStaysMountedAndNamesItsUser) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  {
    const UniqueFd user(::open(drive.path("a").c_str(), O_RDONLY | O_CLOEXEC));
    const ProgramResult refused = drive.unmount();
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_NE(refused.errors.find("in use by process"), std::string::npos) << refused.errors;
    EXPECT_NE(refused.errors.find(std::to_string(::getpid())), std::string::npos);
    EXPECT_EQ(read_file(drive.path("a")), "bytes");
  }
  EXPECT_EQ(drive.unmount().exit_code, 0);
}

TEST(MountLifecycle, AKilledDaemonLeavesNoDeadMountBehind) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  drive.kill_daemon();
  EXPECT_TRUE(drive.unmounts());
  EXPECT_EQ(sockets_for(drive), 0U);
}

TEST(MountLifecycle, AWarmCacheOutlivesAnUnmount) {
  TestMount drive;
  const std::string bytes = some_bytes(3 << 20);
  drive.put("a", bytes);
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_EQ(read_file(drive.path("a")), bytes);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_EQ(read_file(drive.path("a")), bytes);
  EXPECT_EQ(drive.status("cache", "misses"), 0U);
  EXPECT_EQ(drive.status("remote", "bytes_received"), 0U);
}

TEST(MountLifecycle, AWarmCacheOutlivesAKill) {
  TestMount drive;
  const std::string bytes = some_bytes(900'000);
  drive.put("a", bytes);  // one chunk
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_EQ(read_file(drive.path("a")), bytes);
  // The index is written behind; what is in it is warm.
  ASSERT_TRUE(eventually([&] { return chunks_written(drive) > 0; }));
  drive.kill_daemon();
  ASSERT_TRUE(drive.unmounts());
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_EQ(read_file(drive.path("a")), bytes);
  EXPECT_EQ(drive.status("remote", "bytes_received"), 0U);
  ASSERT_EQ(drive.unmount().exit_code, 0);
}

TEST(MountLifecycle, TwoBucketsAreMountedAtOnce) {
  TestMount first;
  TestMount second;
  first.put("name", "first");
  second.put("name", "second");
  ASSERT_EQ(first.mount().exit_code, 0);
  ASSERT_EQ(second.mount().exit_code, 0);
  EXPECT_EQ(read_file(first.path("name")), "first");
  EXPECT_EQ(read_file(second.path("name")), "second");
  EXPECT_EQ(sockets_for(first), 1U);
  ASSERT_EQ(first.unmount().exit_code, 0);
  EXPECT_EQ(read_file(second.path("name")), "second");
}

TEST(MountLifecycle, OfSeveralMountsOfOneDirectoryAtOnceOneSucceeds) {
  TestMount drive("round_trip_ms=100");
  constexpr int kMounts = 4;
  std::atomic<int> mounted = 0;
  {
    std::vector<std::jthread> mounts;
    for (int i = 0; i < kMounts; ++i) {
      mounts.emplace_back([&, i] {
        const std::string cache = drive.cache().string() + std::to_string(i);
        const ProgramResult result =
            drive.augurfs({"mount", drive.url(), drive.path(), "--set", "cache.dir=" + cache});
        if (result.exit_code == 0) {
          ++mounted;
          return;
        }
        EXPECT_NE(result.errors.find(drive.path().string() + " is "), std::string::npos);
        EXPECT_NE(result.errors.find("mounted"), std::string::npos) << result.errors;
      });
    }
  }
  EXPECT_EQ(mounted, 1);
  EXPECT_EQ(drive.unmount().exit_code, 0);
  EXPECT_FALSE(drive.mounted()) << "one lay upon another";
}

TEST(MountLifecycle, AForegroundMountTellsSystemdWhenItIsReady) {
  TestMount drive;
  drive.put("a", "bytes");
  const TemporaryDirectory directory;
  const std::string name = directory.path() / "notify";
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  drive.environment()["NOTIFY_SOCKET"] = name;
  ProgramResult ended;
  std::thread foreground([&] { ended = drive.mount({"-f", "--set", "log.file=stderr"}); });
  std::array<char, 64> said{};
  const ssize_t count = ::recv(socket.get(), said.data(), said.size(), 0);
  EXPECT_EQ(std::string_view(said.data(), static_cast<std::size_t>(count)), "READY=1");
  EXPECT_EQ(read_file(drive.path("a")), "bytes");
  EXPECT_EQ(drive.unmount().exit_code, 0);
  foreground.join();
  EXPECT_NE(ended.errors.find("mount.ready"), std::string::npos) << ended.errors;
}

TEST(MountLifecycle, StatusTellsOfEachMountAndForgetsTheDead) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_EQ(read_file(drive.path("a")), "bytes");
  const ProgramResult text = drive.augurfs({"status", drive.path()});
  EXPECT_NE(text.output.find(drive.url() + " on " + drive.path().string()), std::string::npos);
  EXPECT_EQ(drive.status("cache", "misses"), 1U);
  EXPECT_GT(drive.status("remote", "requests"), 0U);
  EXPECT_EQ(drive.status("file_system", "inodes"), 2U);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  const ProgramResult none = drive.augurfs({"status", drive.path()});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_NE(none.errors.find("has mounted nothing"), std::string::npos) << none.errors;
}

}  // namespace
}  // namespace augurfs
