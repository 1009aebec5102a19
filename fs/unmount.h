#pragma once

#include <cstdint>
#include <filesystem>

#include "remote/result.h"

namespace augurfs {

enum class Detach : std::uint8_t {
  kWhenUnused,
  kLazily,  // it leaves the tree at once and ends when nobody uses it any more
};

// Takes away what is mounted on `directory`: as root by the system call, otherwise by fusermount3.
// Neither waits for the daemon. kUnavailable with the programs that use the mount when they keep
// it.
Result<void> unmount(const std::filesystem::path& directory, Detach detach);

}  // namespace augurfs
