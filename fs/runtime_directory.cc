#include "fs/runtime_directory.h"

#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace augurfs {

namespace fs = std::filesystem;

fs::path runtime_directory(const Environment& environment, uid_t user) {
  if (user == 0) return "/run/augurfs";
  const auto set = environment.find("XDG_RUNTIME_DIR");
  if (set != environment.end() && set->second.starts_with('/')) {
    return fs::path(set->second) / "augurfs";
  }
  return fmt::format("/tmp/augurfs-{}", user);
}

Result<void> make_runtime_directory(const fs::path& directory) {
  if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return Error{ErrorCode::kDenied,
                 fmt::format("cannot create {}: {}", directory.string(), std::strerror(errno))};
  }
  struct stat status {};
  if (::lstat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{ErrorCode::kDenied,
                 fmt::format("{} is not a directory that only you can write to; remove it",
                             directory.string())};
  }
  return {};
}

fs::path socket_path(const fs::path& directory, const fs::path& mount_point) {
  const std::string& name = mount_point.native();
  return directory / fmt::format("{:016x}.sock", XXH3_64bits(name.data(), name.size()));
}

std::vector<fs::path> socket_paths(const fs::path& directory) {
  std::vector<fs::path> paths;
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".sock") paths.push_back(entry->path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace augurfs
