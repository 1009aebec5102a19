// What programs see of a mounted drive: the right bytes, quickly given up reads, and no writes.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "remote/unique_fd.h"
#include "support/eventually.h"
#include "support/mount.h"

namespace augurfs {
namespace {

constexpr const char* kTree = "/usr/include";

TEST(MountedReading, ARealTreeIsTheSameColdAndWarmAndAfterARemount) {
  TestMount drive;
  const std::string url = std::string("file://") + kTree;
  const auto is_same = [&] {
    const ProgramResult diff = run_program(
        {"diff", "-r", "--no-dereference", std::string(kTree) + "/linux", drive.path("linux")},
        drive.environment());
    EXPECT_EQ(diff.exit_code, 0) << diff.output.substr(0, 2000) << diff.errors;
  };
  const std::vector<std::string> keep{"--set", "metadata.ttl=1 h"};  // however long it takes
  ASSERT_EQ(drive.mount_url(url, keep).exit_code, 0);
  is_same();
  const std::uint64_t requests = drive.status("remote", "requests");
  is_same();
  EXPECT_EQ(drive.status("remote", "requests"), requests) << "the second time makes no request";
  ASSERT_EQ(drive.unmount().exit_code, 0);
  ASSERT_EQ(drive.mount_url(url).exit_code, 0);
  is_same();
  EXPECT_EQ(drive.status("remote", "bytes_received"), 0U);
  drive.kill_daemon();
  ASSERT_TRUE(drive.unmounts());
  ASSERT_EQ(drive.mount_url(url).exit_code, 0);
  is_same();
}

TEST(MountedReading, ReadsOfAllSizesAndPlacesGiveTheSameBytes) {
  TestMount drive;
  const std::string bytes = some_bytes((9 << 20) + 12'345);
  drive.put("file", bytes);
  ASSERT_EQ(drive.mount().exit_code, 0);
  const UniqueFd file(::open(drive.path("file").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(file);
  std::mt19937 random(7);
  std::vector<char> out(4 << 20);
  for (int i = 0; i < 200; ++i) {
    const std::size_t offset = random() % (bytes.size() + 1000);
    const std::size_t size = i % 4 == 0 ? out.size() : random() % 100'000;
    const ssize_t count = ::pread(file.get(), out.data(), size, static_cast<off_t>(offset));
    ASSERT_GE(count, 0) << std::strerror(errno);
    const std::string_view expected =
        offset < bytes.size() ? std::string_view(bytes).substr(offset, size) : std::string_view();
    ASSERT_EQ(std::string_view(out.data(), static_cast<std::size_t>(count)), expected);
  }
}

TEST(MountedReading, MoreFilesThanALoginMayOpenAreKeptOpenByTheCache) {
  TestMount drive;
  constexpr int kFiles = 100;  // each large enough to be watched
  const auto content = [](int i) { return some_bytes(64 << 10, static_cast<std::uint32_t>(i)); };
  for (int i = 0; i < kFiles; ++i) drive.put(std::to_string(i), content(i));
  const ProgramResult mounted =
      run_program({"sh", "-c", "ulimit -S -n 64; exec \"$@\"", "sh", augurfs_program(), "mount",
                   drive.url(), drive.path(), "--set", "cache.dir=" + drive.cache().string()},
                  drive.environment());
  ASSERT_EQ(mounted.exit_code, 0) << mounted.errors;
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_TRUE(read_file(drive.path(std::to_string(i))) == content(i)) << i;
  }
  EXPECT_EQ(drive.unmount().exit_code, 0);
}

TEST(MountedReading, DirectReadsGiveTheSameBytes) {
  TestMount drive;
  const std::string bytes = some_bytes(3 << 20);
  drive.put("file", bytes);
  ASSERT_EQ(drive.mount().exit_code, 0);
  const UniqueFd file(::open(drive.path("file").c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  ASSERT_TRUE(file) << std::strerror(errno);
  constexpr std::size_t kAlignment = 4096;
  void* memory = std::aligned_alloc(kAlignment, bytes.size());
  EXPECT_EQ(::read(file.get(), memory, bytes.size()), static_cast<ssize_t>(bytes.size()));
  EXPECT_EQ(std::memcmp(memory, bytes.data(), bytes.size()), 0);
  std::free(memory);
}

TEST(MountedReading, AMappedFileGivesTheSameBytes) {
  TestMount drive;
  const std::string bytes = some_bytes((5 << 20) + 1);
  drive.put("file", bytes);
  ASSERT_EQ(drive.mount().exit_code, 0);
  const UniqueFd file(::open(drive.path("file").c_str(), O_RDONLY | O_CLOEXEC));
  void* memory = ::mmap(nullptr, bytes.size(), PROT_READ, MAP_PRIVATE, file.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  EXPECT_EQ(std::memcmp(memory, bytes.data(), bytes.size()), 0);
  ::munmap(memory, bytes.size());
}

TEST(MountedReading, ManyReadersOfManyFilesGetTheSameBytes) {
  TestMount drive("round_trip_ms=2");
  constexpr int kFiles = 24;
  constexpr int kReaders = 8;
  const auto content = [](int i) { return some_bytes(200'000, static_cast<std::uint32_t>(i)); };
  for (int i = 0; i < kFiles; ++i) drive.put("d/" + std::to_string(i), content(i));
  ASSERT_EQ(drive.mount().exit_code, 0);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  readers.reserve(kReaders);
  for (int reader = 0; reader < kReaders; ++reader) {
    readers.emplace_back([&, reader] {
      for (int i = 0; i < kFiles; ++i) {
        const int file = (i * (reader + 1)) % kFiles;
        if (read_file(drive.path("d/" + std::to_string(file))) != content(file)) ++wrong;
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(drive.status("remote", "bytes_received"), 200'000U * kFiles) << "each byte once";
}

TEST(MountedReading, ManyReadersOfOneColdFileFetchItOnce) {
  TestMount drive("round_trip_ms=5");
  constexpr int kReaders = 16;
  const std::string bytes = some_bytes((8 << 20) + 321);
  drive.put("file", bytes);
  ASSERT_EQ(drive.mount().exit_code, 0);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  readers.reserve(kReaders);
  for (int reader = 0; reader < kReaders; ++reader) {
    readers.emplace_back([&, reader] {
      // Half of them through the page cache, half past it.
      const int flags = O_RDONLY | O_CLOEXEC | (reader % 2 == 0 ? 0 : O_DIRECT);
      const UniqueFd file(::open(drive.path("file").c_str(), flags));
      std::vector<char> out(1 << 20);
      std::string all;
      for (ssize_t count = 1; count > 0;) {
        count = ::read(file.get(), out.data(), out.size());
        if (count > 0) all.append(out.data(), static_cast<std::size_t>(count));
      }
      if (all != bytes) ++wrong;
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  // Each byte once, but for what was on its way in a long haul when a reader jumped beyond
  // what that brings next.
  constexpr std::uint64_t kOnTheirWay = 1 << 20;
  EXPECT_GE(drive.status("remote", "bytes_received"), bytes.size());
  EXPECT_LE(drive.status("remote", "bytes_received"), bytes.size() + kOnTheirWay);
}

// A process that waits for a store which does not answer.
class StuckProcess {
 public:
  // `wait` runs in the process and makes the request that is the last of `requests`.
  StuckProcess(const TestMount& drive, std::uint64_t requests, const std::function<int()>& wait) {
    const std::uint64_t before = drive.status("remote", "requests");
    process_ = ::fork();
    if (process_ == 0) ::_exit(wait());
    waits_ = eventually([&] { return drive.status("remote", "requests") >= before + requests; });
  }
  StuckProcess(const StuckProcess&) = delete;
  StuckProcess& operator=(const StuckProcess&) = delete;
  ~StuckProcess() {
    if (ended_) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }

  bool waits() const { return waits_; }
  void signal(int number) const { ::kill(process_, number); }
  // How it ended, as waitpid() says; -1 when it does not.
  int status() {
    int status = -1;
    ended_ = process_ends(process_, &status);
    return status;
  }

 private:
  pid_t process_ = -1;
  bool waits_ = false;
  bool ended_ = false;
};

int errno_of_stat(const std::string& path) {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // so that SIGINT interrupts the call and no more
  ::sigaction(SIGINT, &action, nullptr);
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? 0 : errno;
}

int errno_of_read(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::array<char, 4096> bytes{};
  return ::read(file, bytes.data(), bytes.size()) >= 0 ? 0 : errno;
}

TEST(MountedReading, AnInterruptedCallReturnsBeforeTheStoreAnswers) {
  TestMount drive("round_trip_ms=3000");
  drive.put("d/file", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  StuckProcess process(drive, 1, [&] { return errno_of_stat(drive.path("d/file")); });
  ASSERT_TRUE(process.waits());
  process.signal(SIGINT);
  const int status = process.status();
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), EINTR);
}

constexpr const char* kNearlyNoBandwidth = "mbit=0.001";

// One request tells the name, the second fetches.
constexpr std::uint64_t kRequestsToRead = 2;

TEST(MountedReading, CtrlCEndsAReaderOfAStoreThatDoesNotAnswer) {
  TestMount drive(kNearlyNoBandwidth);
  drive.put("file", some_bytes(4 << 20));
  ASSERT_EQ(drive.mount().exit_code, 0);
  StuckProcess reader(drive, kRequestsToRead, [&] { return errno_of_read(drive.path("file")); });
  ASSERT_TRUE(reader.waits());
  reader.signal(SIGINT);
  EXPECT_TRUE(WIFSIGNALED(reader.status()));
  EXPECT_EQ(drive.unmount().exit_code, 0);
}

TEST(MountedReading, SigtermEndsTheDaemonInTheMiddleOfARead) {
  TestMount drive(kNearlyNoBandwidth);
  drive.put("file", some_bytes(4 << 20));
  ASSERT_EQ(drive.mount().exit_code, 0);
  StuckProcess reader(drive, kRequestsToRead, [&] { return errno_of_read(drive.path("file")); });
  ASSERT_TRUE(reader.waits());
  ASSERT_EQ(::kill(drive.daemon(), SIGTERM), 0);
  EXPECT_TRUE(drive.daemon_ends());
  EXPECT_TRUE(drive.unmounts());
  EXPECT_TRUE(WIFEXITED(reader.status()));
}

TEST(MountedReading, ADaemonKilledInTheMiddleOfAReadFreesTheReaderAndKeepsNoWrongByte) {
  TestMount drive(kNearlyNoBandwidth);
  const std::string bytes = some_bytes(4 << 20);
  drive.put("file", bytes);
  ASSERT_EQ(drive.mount().exit_code, 0);
  {
    StuckProcess reader(drive, kRequestsToRead, [&] { return errno_of_read(drive.path("file")); });
    ASSERT_TRUE(reader.waits());
    drive.kill_daemon();
    EXPECT_TRUE(WIFEXITED(reader.status()));
  }
  ASSERT_TRUE(drive.unmounts());
  const std::string fast = "file://" + drive.source().string();
  const ProgramResult again = drive.mount_url(fast);
  ASSERT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(read_file(drive.path("file")), bytes);
}

void expect_read_only(int result) {
  EXPECT_EQ(result, -1);
  EXPECT_EQ(errno, EROFS) << std::strerror(errno);
}

TEST(MountedReading, NothingIsPrefetchedWithPrefetchOff) {
  const std::string bytes = some_bytes(4 << 20);
  const auto read_with = [&](TestMount& drive, const std::string& mode) {
    drive.put("file", bytes);
    ASSERT_EQ(drive.mount({"--set", "prefetch.mode=" + mode}).exit_code, 0);
    EXPECT_TRUE(read_file(drive.path("file")) == bytes);
  };
  TestMount on;
  read_with(on, "on");
  EXPECT_TRUE(eventually([&] { return on.status("prefetch", "candidates") > 0; }));
  TestMount off;
  read_with(off, "off");
  EXPECT_TRUE(eventually([&] { return off.status("prefetch", "withheld") > 0; }));
  EXPECT_EQ(off.status("prefetch", "bytes"), 0U);
}

TEST(MountedReading, NoMoreIsPrefetchedThanTheBudgetOfTheDayAlsoAfterARemount) {
  const std::string bytes = some_bytes(24 << 20);
  TestMount drive;
  drive.put("first", bytes);
  drive.put("second", bytes);
  const std::vector<std::string> budget{"--set", "prefetch.budget=10 MiB"};
  constexpr std::uint64_t kBudget = 10 << 20;
  ASSERT_EQ(drive.mount(budget).exit_code, 0);
  EXPECT_TRUE(read_file(drive.path("first")) == bytes);
  EXPECT_TRUE(eventually([&] { return drive.status("prefetch", "spent_bytes") > kBudget / 2; }));
  EXPECT_LE(drive.status("prefetch", "spent_bytes"), kBudget);
  EXPECT_LE(drive.status("prefetch", "bytes"), kBudget);
  const std::uint64_t first = drive.status("prefetch", "bytes");
  ASSERT_EQ(drive.unmount().exit_code, 0);
  ASSERT_EQ(drive.mount(budget).exit_code, 0);
  EXPECT_TRUE(read_file(drive.path("second")) == bytes);
  EXPECT_LE(first + drive.status("prefetch", "bytes"), kBudget);
}

TEST(MountedReading, WithABudgetOfNothingReadsAreAsBefore) {
  const std::string bytes = some_bytes(4 << 20);
  TestMount drive;
  drive.put("file", bytes);
  ASSERT_EQ(drive.mount({"--set", "prefetch.budget=0"}).exit_code, 0);
  EXPECT_TRUE(read_file(drive.path("file")) == bytes);
  EXPECT_TRUE(eventually([&] { return drive.status("prefetch", "refused") > 0; }));
  EXPECT_EQ(drive.status("prefetch", "bytes"), 0U);
}

TEST(MountedReading, WhateverWouldWriteFailsWithErofs) {
  TestMount drive;
  drive.put("d/file", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  const std::string file = drive.path("d/file");
  const std::string fresh = drive.path("d/new");
  const auto all = [&] {
    expect_read_only(::open(file.c_str(), O_WRONLY));
    expect_read_only(::open(file.c_str(), O_RDWR));
    expect_read_only(::open(file.c_str(), O_RDONLY | O_TRUNC));
    expect_read_only(::open(fresh.c_str(), O_WRONLY | O_CREAT, 0644));
    expect_read_only(::mkdir(fresh.c_str(), 0755));
    expect_read_only(::mknod(fresh.c_str(), S_IFREG | 0644, 0));
    expect_read_only(::unlink(file.c_str()));
    expect_read_only(::rmdir(drive.path("d").c_str()));
    expect_read_only(::rename(file.c_str(), fresh.c_str()));
    expect_read_only(::link(file.c_str(), fresh.c_str()));
    expect_read_only(::symlink("x", fresh.c_str()));
    expect_read_only(::truncate(file.c_str(), 0));
    expect_read_only(::chmod(file.c_str(), 0600));
    expect_read_only(::chown(file.c_str(), 1, 1));
    expect_read_only(::utimensat(AT_FDCWD, file.c_str(), nullptr, 0));
    expect_read_only(::setxattr(file.c_str(), "user.a", "b", 1, 0));
    expect_read_only(::removexattr(file.c_str(), "user.a"));
  };
  all();
  // The kernel no longer stands in front; the daemon says the same.
  ASSERT_EQ(::mount(nullptr, drive.path().c_str(), nullptr, MS_REMOUNT, nullptr), 0);
  all();
  EXPECT_EQ(read_file(file), "bytes");
}

TEST(MountedReading, OwnerAndModesAreThoseOfTheOptions) {
  TestMount drive;
  drive.put("d/file", "bytes");
  ASSERT_EQ(drive.mount({"-o", "uid=12,gid=34,file_mode=0440,directory_mode=0550"}).exit_code, 0);
  struct stat status {};
  ASSERT_EQ(::stat(drive.path("d/file").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 12U);
  EXPECT_EQ(status.st_gid, 34U);
  EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFREG | 0440));
  EXPECT_EQ(status.st_size, 5);
  ASSERT_EQ(::stat(drive.path("d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFDIR | 0550));
}

TEST(MountedReading, WhatTheKernelHoldsIsNotAskedForAgain) {
  TestMount drive;
  const std::string bytes = some_bytes(3 << 20);
  drive.put("file", bytes);
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_EQ(read_file(drive.path("file")), bytes);
  const std::uint64_t reads = drive.status("cache", "hits") + drive.status("cache", "misses");
  EXPECT_EQ(read_file(drive.path("file")), bytes);
  EXPECT_EQ(drive.status("cache", "hits") + drive.status("cache", "misses"), reads);
}

TEST(MountedReading, OthersAreLetInOnlyWithAllowOther) {
  ASSERT_EQ(::geteuid(), 0U) << "needs root to become another user";
  TestMount drive;
  drive.put("file", "bytes");
  std::filesystem::permissions(drive.path().parent_path(), std::filesystem::perms{0755});
  const auto as_nobody = [&] {
    return run_program(
        {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", drive.path("file")},
        drive.environment());
  };
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_NE(as_nobody().exit_code, 0);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  ASSERT_EQ(drive.mount({"-o", "allow_other"}).exit_code, 0);
  EXPECT_EQ(as_nobody().output, "bytes");
  ASSERT_EQ(drive.unmount().exit_code, 0);
  // The bits of the modes count for them.
  ASSERT_EQ(drive.mount({"-o", "allow_other,file_mode=0400"}).exit_code, 0);
  EXPECT_NE(as_nobody().exit_code, 0);
}

TEST(MountedReading, ThereAreNoExtendedAttributes) {
  TestMount drive;
  drive.put("file", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  std::array<char, 16> value{};
  EXPECT_EQ(::getxattr(drive.path("file").c_str(), "user.a", value.data(), value.size()), -1);
  EXPECT_EQ(errno, EOPNOTSUPP);
}

TEST(MountedReading, TheFileSystemShowsTheSizeOfItsCache) {
  TestMount drive;
  ASSERT_EQ(drive.mount().exit_code, 0);
  struct statvfs space {};
  ASSERT_EQ(::statvfs(drive.path().c_str(), &space), 0);
  // Are part of cache.size.
  constexpr std::uint64_t kHistory = 64 << 20;
  constexpr std::uint64_t kListings = 128 << 20;
  EXPECT_EQ(space.f_blocks * space.f_frsize, (1ULL << 30) - kHistory - kListings);
  EXPECT_EQ(space.f_namemax, 255U);
}

}  // namespace
}  // namespace augurfs
