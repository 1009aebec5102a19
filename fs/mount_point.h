#pragma once

#include <filesystem>

#include "remote/result.h"
#include "remote/unique_fd.h"

namespace augurfs {

// The path seen from the working directory of now. kInvalid when it is empty or that is gone.
Result<std::filesystem::path> absolute_path(const std::filesystem::path& path);

// The absolute path without symbolic links, also of a directory whose mount is dead or does not
// answer.
Result<std::filesystem::path> resolve_mount_point(const std::filesystem::path& directory);

// The directory, resolved and ready to be mounted on: there, a directory, empty, and nothing of
// ours on it. A dead mount of ours is taken away, and the person told. The error says what is
// wrong and what to do.
Result<std::filesystem::path> prepare_mount_point(const std::filesystem::path& directory);

// The turn to mount on a directory that is prepared: of several daemons that have found it free,
// one gets it, and holds it until its mount is there. The others are told.
Result<UniqueFd> take_turn(const std::filesystem::path& mount_point);

}  // namespace augurfs
