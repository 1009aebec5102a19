#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "fs/environment.h"
#include "fs/options.h"
#include "remote/result.h"
#include "remote/store_url.h"

namespace augurfs {

// "data-raw-5f3a…": readable, safe as a file name, and different for each URL and endpoint. Two
// mounts of different prefixes of one bucket have different names, so that they can run at once.
std::string mount_name(const StoreUrl& url, const Options& options);

// Where what a mount keeps goes when no option says so: the system's directories for root
// (`as_root`), the XDG ones of the user otherwise. kInvalid, naming the option to set, when the
// environment knows no home. Nothing is created.
Result<std::filesystem::path> default_cache_directory(const StoreUrl& url, const Options& options,
                                                      const Environment& environment, bool as_root);
// Each mount point has a log of its own: two daemons cannot take turns with one file.
Result<std::filesystem::path> default_log_file(const std::filesystem::path& mount_point,
                                               const Environment& environment, bool as_root);

// The config files that are read when --config names none: the first that exists counts.
std::vector<std::filesystem::path> default_config_files(const Environment& environment);

}  // namespace augurfs
