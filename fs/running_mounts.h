#pragma once

#include <filesystem>
#include <optional>

#include "fs/environment.h"
#include "remote/result.h"

namespace augurfs {

// The admin socket of the mount on `directory`, or, without one, of the only mount of this user.
// kNotFound when there is none; kInvalid, naming them, when there are several to choose from.
Result<std::filesystem::path> mount_socket(const std::optional<std::filesystem::path>& directory,
                                           const Environment& environment);

// The admin socket of the mount whose cache directory this is; nullopt when none has it.
std::optional<std::filesystem::path> cache_socket(const std::filesystem::path& cache,
                                                  const Environment& environment);

}  // namespace augurfs
