#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

namespace augurfs {

enum class MountHealth : std::uint8_t {
  kAnswers,
  kDead,    // nobody serves it any more
  kSilent,  // it is served, but there was no answer in time
};

// Asks the FUSE mount on `directory` itself, in a process of its own: whoever asks a daemon that
// hangs may not be able to stop waiting, not even by a signal, so it is left behind. Any other
// directory answers.
MountHealth ask_mount(const std::filesystem::path& directory,
                      std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace augurfs
