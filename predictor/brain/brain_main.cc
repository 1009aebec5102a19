// augurfs-predictor: the brain, started by the daemon with its end of a socket pair. It ends when
// the daemon does.

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "predictor/brain/brain.h"
#include "predictor/brain/brain_process.h"
#include "predictor/brain/sandbox.h"
#include "predictor/policies.h"

namespace augurfs {
namespace {

struct BrainArguments {
  std::uint64_t memory_bytes_max = 0;
  PolicySetting setting;
};

template <typename T>
bool parse_positive(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0;
}

// As the daemon writes them: augurfs-predictor MEMORY-BYTES CHUNK-BYTES CACHE-BYTES
std::optional<BrainArguments> parse_arguments(int count, char** arguments) {
  constexpr int kCount = 4;
  BrainArguments out;
  if (count != kCount || !parse_positive(arguments[1], out.memory_bytes_max) ||
      !parse_positive(arguments[2], out.setting.chunk_bytes) ||
      !parse_positive(arguments[3], out.setting.cache_bytes)) {
    return std::nullopt;
  }
  return out;
}

bool has_socket() {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(kBrainSocketFd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
         type == SOCK_SEQPACKET;
}

// Whatever it computes can wait. Where it is not allowed to be less important it runs as it is.
void step_back() {
  constexpr int kNicest = 19;
  constexpr int kThisProcess = 0;
  // As in linux/ioprio.h, which some versions of Debian 12 have in a shape that is no C++.
  constexpr int kWhoProcess = 1;
  constexpr int kIdleClass = 3 << 13;
  ::setpriority(PRIO_PROCESS, 0, kNicest);
  ::syscall(SYS_ioprio_set, kWhoProcess, kThisProcess, kIdleClass);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // beside the end of the socket, in case it hangs
}

int fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

int run_brain(const BrainArguments& arguments) {
  step_back();
  if (auto entered = enter_sandbox(arguments.memory_bytes_max); !entered) {
    return fail(entered.error().message);
  }
  Brain brain(PacketSocket(UniqueFd(kBrainSocketFd)), make_brain_policy(arguments.setting));
  const auto ended = brain.run();
  return ended ? 0 : fail(ended.error().message);
}

}  // namespace
}  // namespace augurfs

int main(int count, char** arguments) {
  const auto parsed = augurfs::parse_arguments(count, arguments);
  if (!parsed || !augurfs::has_socket()) {
    std::fputs("augurfs-predictor is started by augurfs, which gives it a socket\n", stderr);
    return 2;
  }
  int code = 1;
  try {
    code = augurfs::run_brain(*parsed);
  } catch (const std::exception& error) {  // out of memory, most of all
    std::fprintf(stderr, "%s\n", error.what());
  }
  ::_exit(code);  // nothing to tidy up, and what would tidy up may not
}
