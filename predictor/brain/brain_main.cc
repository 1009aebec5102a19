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
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "predictor/brain/brain.h"
#include "predictor/brain/brain_process.h"
#include "predictor/brain/sandbox.h"
#include "predictor/neural/checkpoint.h"
#include "predictor/neural/learner.h"
#include "predictor/neural/load_trainer.h"
#include "predictor/policies.h"

namespace augurfs {
namespace {

struct BrainArguments {
  std::uint64_t memory_bytes_max = 0;
  PolicySetting setting;
  std::filesystem::path model_file;  // "": no neural model is wanted; "-": none that is kept
};

template <typename T>
bool parse_positive(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0;
}

// As the daemon writes them: augurfs-predictor MEMORY-BYTES CHUNK-BYTES CACHE-BYTES [MODEL-FILE]
std::optional<BrainArguments> parse_arguments(int count, char** arguments) {
  constexpr int kCount = 4;
  BrainArguments out;
  if (count < kCount || count > kCount + 1 || !parse_positive(arguments[1], out.memory_bytes_max) ||
      !parse_positive(arguments[2], out.setting.chunk_bytes) ||
      !parse_positive(arguments[3], out.setting.cache_bytes)) {
    return std::nullopt;
  }
  if (count > kCount) out.model_file = arguments[kCount];
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

// What a neural model needs of the world outside the sandbox.
struct ModelParts {
  std::unique_ptr<Trainer> trainer;  // null: there will be no model
  std::unique_ptr<Checkpoint> checkpoint;
  std::optional<ModelNews> news;  // nothing when none is wanted
};

ModelParts open_model(const std::filesystem::path& file) {
  ModelParts parts;
  if (file.empty()) return parts;
  parts.news.emplace();
  auto trainer = load_trainer();
  if (!trainer) {
    parts.news->note = trainer.error().message;
    return parts;
  }
  parts.trainer = std::move(*trainer);
  if (file == kModelNotKept) return parts;
  auto checkpoint = Checkpoint::open(file);
  if (!checkpoint) {
    parts.news->note = "what is learned is not kept: " + checkpoint.error().message;
    return parts;
  }
  parts.checkpoint = std::move(*checkpoint);
  if (const std::string& reason = parts.checkpoint->set_aside(); !reason.empty()) {
    parts.news->note = "what was learned before " + reason + ", and was set aside";
  }
  return parts;
}

int run_brain(const BrainArguments& arguments) {
  step_back();
  ModelParts model = open_model(arguments.model_file);
  SandboxOptions sandbox{.memory_bytes_max = arguments.memory_bytes_max};
  if (model.checkpoint != nullptr) {
    sandbox.file = model.checkpoint->fd();
    sandbox.file_bytes_max = Checkpoint::kFileBytes;
  }
  if (auto entered = enter_sandbox(sandbox); !entered) return fail(entered.error().message);
  std::unique_ptr<Learner> learner;
  if (model.trainer != nullptr) {
    learner = std::make_unique<Learner>(LearnerOptions{.in_background = true},
                                        std::move(model.trainer), std::move(model.checkpoint));
  }
  Brain brain(PacketSocket(UniqueFd(kBrainSocketFd)),
              make_brain_policy(arguments.setting, std::move(learner)), std::move(model.news));
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
