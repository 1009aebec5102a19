#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "predictor/neural/weights.h"
#include "remote/result.h"
#include "remote/unique_fd.h"

namespace augurfs {

inline constexpr const char* kModelFile = "model.bin";

// Weights in a file that is opened once and then written in place, since who trains in a sandbox
// can open and rename nothing: a header that says of what shape, and two slots, of which the one
// that is older or damaged is written next. So after a crash one of them is whole. Nothing in the
// file is a program, or a length to be believed, as in LibTorch's own format.
// Thread rule: one thread at a time. At most one process has the file.
class Checkpoint {
 public:
  // Makes it when there is none; only its owner may read it. A file that is damaged, of another
  // version or shape, or of another user is renamed to <file>.aside, in place of an earlier
  // one, with a line in the log, and another begun. kUnavailable when that cannot be, or when
  // another process has it.
  static Result<std::unique_ptr<Checkpoint>> open(const std::filesystem::path& file);

  // The newest, and after how many steps of training it was saved. Nothing when there is none yet;
  // then the weights are what they were.
  std::optional<std::uint64_t> load(NeuralWeights& weights);
  // By pwrite and fdatasync alone.
  Result<void> save(const NeuralWeights& weights, std::uint64_t steps);

  // Why the file that was there could not be used; "" when it could.
  const std::string& set_aside() const { return set_aside_; }
  int fd() const { return fd_.get(); }

  static constexpr std::size_t kHeaderBytes = 64;
  static constexpr std::size_t kSlotBytes = 64 + NeuralWeights::kCount * sizeof(float);
  static constexpr std::size_t kFileBytes = kHeaderBytes + 2 * kSlotBytes;

 private:
  Checkpoint(UniqueFd fd, std::string set_aside)
      : fd_(std::move(fd)), set_aside_(std::move(set_aside)) {}

  UniqueFd fd_;
  std::string set_aside_;
  std::array<std::uint64_t, 2> numbers_{};  // of the saves in the slots; 0: nothing, or damaged
};

}  // namespace augurfs
