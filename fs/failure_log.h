#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "fs/file_system.h"
#include "remote/guarded.h"
#include "remote/result.h"

namespace augurfs {

// Tells which failures are worth a line of the log: the kernel asks twice for each page that it
// does not get, and programs ask again and again. Thread rule: any thread.
class FailureLog {
 public:
  // Whether this inode has not failed in the same way a short while ago, as far as is remembered.
  bool is_news(InodeNumber inode, ErrorCode code, std::chrono::steady_clock::time_point now);

 private:
  static constexpr std::size_t kRemembered = 64;
  static constexpr std::chrono::seconds kOldAfter{60};

  struct Failure {
    InodeNumber inode{};
    ErrorCode code{};
    std::chrono::steady_clock::time_point time;
  };
  struct State {
    std::array<std::optional<Failure>, kRemembered> latest;
    std::size_t next = 0;  // the oldest, to be overwritten
  };
  Guarded<State> state_;
};

}  // namespace augurfs
