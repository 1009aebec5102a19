#include "predictor/brain/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

namespace augurfs {
namespace {

constexpr std::uint64_t kMemoryBytes = 256 << 20;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimited = false;
#else
constexpr bool kLimited = true;
#endif

// What the exit code of a process is that does this.
int of_a_process(const std::function<int()>& deed) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(deed());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

constexpr int kNoSandbox = 100;

// The same in the sandbox.
int inside(const std::function<int()>& deed) {
  return of_a_process(
      [&] { return enter_sandbox({.memory_bytes_max = kMemoryBytes}) ? deed() : kNoSandbox; });
}

// 0 when a call is denied.
int denied(long result) {
  if (result != -1) return 1;
  return errno == EPERM || errno == EACCES ? 0 : errno;
}

// From now on this process's kernel does not know the call, or denies it.
bool lacks(int call, int error_number) {
  const auto answer = static_cast<std::uint32_t>(error_number);
  std::array<sock_filter, 4> filter{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | answer),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{filter.size(), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(Sandbox, IsThereOnAKernelWithoutLandlock) {
  for (const int error_number : {ENOSYS, EOPNOTSUPP}) {  // too old, or started without
    EXPECT_EQ(of_a_process([&] {
                if (!lacks(SYS_landlock_create_ruleset, error_number)) return 99;
                return inside([] { return denied(::open("/etc/passwd", O_RDONLY)); });
              }),
              0);
  }
}

TEST(Sandbox, IsAnErrorWhenOnlyHalfOfItCanBeHad) {
  EXPECT_EQ(
      of_a_process([] { return lacks(SYS_prlimit64, EPERM) ? inside([] { return 0; }) : 99; }),
      kNoSandbox);
}

TEST(Sandbox, OpensNoFileNeitherToWriteNorToRead) {
  const std::string path = testing::TempDir() + "/augurfs_sandbox_test";
  EXPECT_EQ(inside([&] { return denied(::open(path.c_str(), O_CREAT | O_WRONLY, 0600)); }), 0);
  EXPECT_EQ(inside([] { return denied(::open("/etc/passwd", O_RDONLY)); }), 0);
  EXPECT_EQ(inside([] { return denied(::openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY)); }), 0);
  EXPECT_EQ(inside([&] { return denied(::mkdir(path.c_str(), 0700)); }), 0);
  EXPECT_EQ(inside([] { return denied(::unlink("/etc/passwd")); }), 0);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(Sandbox, MakesNoSocket) {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK}) {
    EXPECT_EQ(inside([&] { return denied(::socket(family, SOCK_STREAM, 0)); }), 0) << family;
  }
}

TEST(Sandbox, StartsNoProgramAndNoProcess) {
  EXPECT_EQ(inside([] {
              std::array<char, 5> name{"true"};
              const std::array<char*, 2> arguments{name.data(), nullptr};
              return denied(::execv("/bin/true", arguments.data()));
            }),
            0);
  EXPECT_EQ(inside([] { return denied(::fork()); }), 0);
}

TEST(Sandbox, ReachesNoOtherProcess) {
  EXPECT_EQ(inside([] { return denied(::kill(::getppid(), SIGTERM)); }), 0);
}

TEST(Sandbox, RunsNoCodeThatItWroteItself) {
  EXPECT_EQ(inside([] {
              void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return memory == MAP_FAILED ? denied(-1) : 1;
            }),
            0);
}

TEST(Sandbox, SpeaksOverTheDescriptorsItHas) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()), 0);
  EXPECT_EQ(inside([&] { return ::send(ends[1], "hello", 5, MSG_NOSIGNAL) == 5 ? 0 : errno; }), 0);
  std::array<char, 8> heard{};
  EXPECT_EQ(::recv(ends[0], heard.data(), heard.size(), MSG_DONTWAIT), 5);
  ::close(ends[0]);
  ::close(ends[1]);
}

// By pthread: in a std::thread UBSan looks at a virtual table through a pipe, which is denied.
TEST(Sandbox, HasThreadsAndMemory) {
  EXPECT_EQ(inside([] {
              int sum = 0;
              const auto add_up = [](void* into) -> void* {
                const std::vector<int> numbers(1'000'000, 1);
                for (const int number : numbers) *static_cast<int*>(into) += number;
                return nullptr;
              };
              pthread_t thread{};
              if (::pthread_create(&thread, nullptr, add_up, &sum) != 0) return 1;
              ::pthread_join(thread, nullptr);
              return sum == 1'000'000 ? 0 : 2;
            }),
            0);
}

TEST(Sandbox, IsLimitedInMemory) {
  EXPECT_EQ(inside([] {
              void* memory = ::mmap(nullptr, 2 * kMemoryBytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return (memory == MAP_FAILED) == kLimited ? 0 : 1;
            }),
            0);
}

TEST(Sandbox, AbortsAsAProcessShould) {
  EXPECT_EQ(inside([] {
              ::signal(SIGABRT, SIG_DFL);
              std::abort();
              return 0;
            }),
            128 + SIGABRT);
}

TEST(Sandbox, AFileThatIsOpenMayBeReadAndWrittenUpToItsLengthWhenItIsNamed) {
  const auto in_sandbox = [](bool is_named, const std::function<int(int file)>& deed) {
    return of_a_process([&] {
      const int file = ::memfd_create("file", 0);
      SandboxOptions options{.memory_bytes_max = kMemoryBytes};
      if (is_named) {
        options.file = file;
        options.file_bytes_max = 4096;
      }
      ::signal(SIGXFSZ, SIG_IGN);
      return enter_sandbox(options) ? deed(file) : kNoSandbox;
    });
  };
  const auto works = [](int file) {
    char byte = 'x';
    if (::pwrite(file, &byte, 1, 4095) != 1 || ::fdatasync(file) != 0) return 1;
    return ::pread(file, &byte, 1, 4095) == 1 && byte == 'x' ? 0 : 2;
  };
  EXPECT_EQ(in_sandbox(true, works), 0);
  EXPECT_NE(in_sandbox(false, works), 0);
  EXPECT_EQ(in_sandbox(true,
                       [](int file) {
                         return ::pwrite(file, "x", 1, 4096) == -1 && errno == EFBIG ? 0 : 1;
                       }),
            0);
  EXPECT_EQ(in_sandbox(true, [](int file) { return denied(::pwrite(file + 1, "x", 1, 0)); }), 0);
  EXPECT_EQ(in_sandbox(true, [](int file) { return denied(::ftruncate(file, 0)); }), 0);
}

// A library may have started one as it was loaded.
TEST(Sandbox, HoldsAThreadThatWasThereBefore) {
  EXPECT_EQ(of_a_process([] {
              static std::atomic<bool> is_closed = false;
              static std::atomic<int> outcome = -1;
              std::thread before([] {
                while (!is_closed) std::this_thread::yield();
                outcome = denied(::open("/etc/passwd", O_RDONLY));
              });
              if (!enter_sandbox({.memory_bytes_max = kMemoryBytes})) return kNoSandbox;
              is_closed = true;
              before.join();
              return outcome.load();
            }),
            0);
}

}  // namespace
}  // namespace augurfs
