#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>

#include "remote/result.h"

namespace augurfs {

struct CommandLimits {
  std::chrono::milliseconds timeout{60'000};  // a person may have to tap a security key
  std::size_t output_bytes_max = 65'536;
};

// Runs `command` by /bin/sh with nothing on its standard input, and returns what it wrote to its
// standard output. It and all it started are killed when it takes or writes too much (kTimeout,
// kInvalid) or on a stop request (kCancelled). kDenied when it ends in anything but success, with
// the last line of what it wrote to standard error; never with a word of its output.
Result<std::string> run_command(const std::string& command, const CommandLimits& limits,
                                std::stop_token stop);

}  // namespace augurfs
