#pragma once

#include <filesystem>
#include <string>

namespace augurfs {

// "1234 (less), 1300 (bash)": the processes with their working directory, their root or an open
// file in the mount, as far as we may look; "" when we see none. Does not touch the mount.
std::string users_of(const std::filesystem::path& mount_point);

}  // namespace augurfs
