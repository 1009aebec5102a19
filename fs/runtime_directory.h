#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "fs/environment.h"
#include "remote/result.h"

namespace augurfs {

// Where the daemons of a user keep their admin sockets: /run/augurfs for root, whose sockets must
// not depend on how root logged in; otherwise $XDG_RUNTIME_DIR/augurfs, or /tmp/augurfs-<uid>.
std::filesystem::path runtime_directory(const Environment& environment, uid_t user);

// Creates it when it is missing. kDenied when it is not a directory of ours that others may not
// write to: somebody could pose as our daemon.
Result<void> make_runtime_directory(const std::filesystem::path& directory);

// The admin socket of the daemon that serves `mount_point` (resolved).
std::filesystem::path socket_path(const std::filesystem::path& directory,
                                  const std::filesystem::path& mount_point);

// Every admin socket there is, in the order of names; those of dead daemons included.
std::vector<std::filesystem::path> socket_paths(const std::filesystem::path& directory);

}  // namespace augurfs
