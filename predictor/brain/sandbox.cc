#include "predictor/brain/sandbox.h"

#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

namespace augurfs {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

Error sandbox_error(const std::string& what, int error_number) {
  return {ErrorCode::kUnavailable,
          "no sandbox: " + what + ": " + std::generic_category().message(error_number)};
}

// RLIMIT_DATA and not RLIMIT_AS: it counts what can be written to and is ours alone, not the
// libraries' text nor what an allocator has reserved.
Result<void> limit_resources(const SandboxOptions& options) {
  const rlimit none{0, 0};
  const rlimit memory{options.memory_bytes_max, options.memory_bytes_max};
  const rlimit file{options.file_bytes_max, options.file_bytes_max};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return sandbox_error("RLIMIT_CORE", errno);
  if (::setrlimit(RLIMIT_FSIZE, &file) != 0) return sandbox_error("RLIMIT_FSIZE", errno);
  if (!kSanitized && ::setrlimit(RLIMIT_DATA, &memory) != 0) {
    return sandbox_error("RLIMIT_DATA", errno);
  }
  return {};
}

// No rule allows anything: whatever is a path is out of reach. A kernel without Landlock, or one
// started without it, is no error; the filter alone denies as much.
Result<void> deny_files() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return {};
  landlock_ruleset_attr rules{};
  rules.handled_access_fs = 2 * LANDLOCK_ACCESS_FS_MAKE_SYM - 1;  // all of the first version
  if (version >= 2) rules.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
  const long ruleset = ::syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
  if (ruleset < 0) return sandbox_error("landlock", errno);
  const bool restricted = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  const int error = errno;
  ::close(static_cast<int>(ruleset));
  if (!restricted) return sandbox_error("landlock", error);
  return {};
}

// Memory, threads, time, and the descriptors there are.
constexpr std::array kAllowed{
    SCMP_SYS(brk),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fstat),
    SCMP_SYS(futex),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(getrusage),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(madvise),
    SCMP_SYS(membarrier),
    SCMP_SYS(mremap),
    SCMP_SYS(munmap),
    SCMP_SYS(nanosleep),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(read),
    SCMP_SYS(recvfrom),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendto),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(time),
    SCMP_SYS(write),
};

// UndefinedBehaviorSanitizer tries by a pipe whether it can read what a virtual table should be.
constexpr std::array kAllowedWhenSanitized{SCMP_SYS(pipe), SCMP_SYS(pipe2)};

// What is allowed with some arguments only.
int allow_with_arguments(scmp_filter_ctx filter) {
  const auto pid = static_cast<scmp_datum_t>(::getpid());
  const scmp_arg_cmp not_executable{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
  const scmp_arg_cmp of_its_own{0, SCMP_CMP_EQ, pid, 0};  // abort() signals its own thread
  const scmp_arg_cmp a_thread{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD};
  int error = ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &not_executable);
  if (error == 0) {
    error =
        ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &not_executable);
  }
  if (error == 0) {
    error = ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &of_its_own);
  }
  if (error == 0) {
    error = ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &a_thread);
  }
  // Its arguments are out of a filter's sight; told that there is none, libc uses clone.
  if (error == 0) {
    error = ::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, nullptr);
  }
  return error;
}

int allow_file(scmp_filter_ctx filter, int file) {
  if (file < 0) return 0;
  const scmp_arg_cmp this_one{0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(file), 0};
  for (const int call : {SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(fdatasync)}) {
    const int error = ::seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &this_one);
    if (error != 0) return error;
  }
  return 0;
}

// Whatever is not named fails rather than kills: a library that asks for something it can do
// without goes on.
Result<void> filter_system_calls(int file) {
  struct Release {
    void operator()(void* filter) const { ::seccomp_release(filter); }
  };
  const std::unique_ptr<void, Release> filter(::seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) return sandbox_error("seccomp", ENOMEM);
  int error = ::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) error = allow_with_arguments(filter.get());
  if (error == 0) error = allow_file(filter.get(), file);
  for (const int call : kAllowed) {
    if (error == 0)
      error = ::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 0, nullptr);
  }
  for (const int call : kAllowedWhenSanitized) {
    if (kSanitized && error == 0)
      error = ::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 0, nullptr);
  }
  if (error == 0) error = ::seccomp_load(filter.get());
  if (error != 0) return sandbox_error("seccomp", -error);
  return {};
}

}  // namespace

Result<void> enter_sandbox(const SandboxOptions& options) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return sandbox_error("privileges", errno);
  if (auto limited = limit_resources(options); !limited) return limited;
  if (auto denied = deny_files(); !denied) return denied;
  return filter_system_calls(options.file);
}

}  // namespace augurfs
