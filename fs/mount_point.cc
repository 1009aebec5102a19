#include "fs/mount_point.h"

#include <dirent.h>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

namespace augurfs {
namespace {

namespace fs = std::filesystem;

// The kernel writes space, tab, newline and backslash in paths as \040, \011, \012, \134.
std::string unescaped(const std::string& field) {
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const auto is_octal = [&](std::size_t at) { return field[at] >= '0' && field[at] <= '7'; };
    if (field[i] == '\\' && i + 3 < field.size() && is_octal(i + 1) && is_octal(i + 2) &&
        is_octal(i + 3)) {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                               (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

// "36 35 98:0 /root /directory options [optional...] - type source super-options"
std::optional<MountEntry> parse_entry(const std::string& line) {
  std::istringstream words(line);
  std::string skipped;
  std::string directory;
  if (!(words >> skipped >> skipped >> skipped >> skipped >> directory)) return std::nullopt;
  while (words >> skipped && skipped != "-") {
  }
  MountEntry entry;
  if (!(words >> entry.type >> entry.source)) return std::nullopt;
  entry.directory = unescaped(directory);
  entry.source = unescaped(entry.source);
  return entry;
}

Error told(const fs::path& directory, const std::string& what) {
  return {ErrorCode::kInvalid, directory.string() + " " + what};
}

Error refused(const fs::path& directory, int error) {
  switch (error) {
    case ENOENT:
      return {ErrorCode::kNotFound,
              fmt::format("{0} does not exist; create it first: mkdir -p {0}", directory.string())};
    case ENOTDIR:
      return told(directory, "is not a directory; choose one that is, or make it: mkdir -p DIR");
    case ENOTCONN:
    case ECONNABORTED:
      return told(directory, fmt::format("is a dead mount of another program; take it away first: "
                                         "umount -l {}",
                                         directory.string()));
    default:
      return {ErrorCode::kDenied, fmt::format("cannot use {} as a mount point: {}",
                                              directory.string(), std::strerror(error))};
  }
}

Result<void> clear_ours(const fs::path& directory) {
  constexpr int kStackedMax = 16;
  for (int i = 0; i < kStackedMax; ++i) {
    const auto entry = mount_on(directory);
    if (!entry || !entry->is_ours()) return {};
    if (!is_dead_mount(directory)) {
      return told(directory, fmt::format("is already mounted ({}); unmount it first: augurfs "
                                         "unmount {}",
                                         entry->source, directory.string()));
    }
    if (auto gone = unmount(directory, Detach::kLazily); !gone) {
      return gone.error().in("cannot take away the dead mount of an earlier daemon");
    }
    spdlog::info("mount.cleared_dead directory={} source={}", directory.string(), entry->source);
  }
  return told(directory, "has too many dead mounts upon one another");
}

Result<void> check_empty(const fs::path& directory) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return refused(directory, errno);
  bool empty = true;
  // The stream is ours alone.
  while (const dirent* entry = ::readdir(stream)) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") empty = false;
  }
  ::closedir(stream);
  if (!empty)
    return told(directory,
                "is not empty, and a mount would hide what is in it; choose an empty one");
  return {};
}

// Whether the process has its working directory, its root or an open file in the mount. Reading
// these links does not touch the mount.
bool uses(const fs::path& process, const fs::path& directory) {
  std::error_code error;
  for (const char* link : {"cwd", "root"}) {
    if (lies_in(fs::read_symlink(process / link, error), directory)) return true;
  }
  fs::directory_iterator descriptor(process / "fd", error);
  for (; !error && descriptor != fs::directory_iterator(); descriptor.increment(error)) {
    std::error_code gone;
    if (lies_in(fs::read_symlink(descriptor->path(), gone), directory)) return true;
  }
  return false;
}

// "1234 (less), 1300 (bash)": whom to ask to let go of the mount, as far as we may look.
std::string users_of(const fs::path& directory) {
  constexpr int kNamedMax = 5;
  std::string users;
  int count = 0;
  std::error_code error;
  fs::directory_iterator process("/proc", error);
  for (; !error && process != fs::directory_iterator(); process.increment(error)) {
    const std::string id = process->path().filename();
    if (id.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!uses(process->path(), directory)) continue;
    if (++count > kNamedMax) return users + ", ...";
    std::ifstream comm(process->path() / "comm");
    std::string name;
    std::getline(comm, name);
    users += fmt::format("{}{} ({})", users.empty() ? "" : ", ", id, name);
  }
  return users;
}

Error in_use(const fs::path& directory) {
  const std::string users = users_of(directory);
  return {ErrorCode::kUnavailable,
          fmt::format("{} is in use{}{}; end what uses it and try again", directory.string(),
                      users.empty() ? "" : " by process ", users)};
}

// What fusermount3 said, "" when it did what it was told.
Result<std::string> run_fusermount(const fs::path& directory, Detach detach) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return Error{ErrorCode::kUnavailable, std::string("pipe: ") + std::strerror(errno)};
  }
  const char* options = detach == Detach::kLazily ? "-uz" : "-u";
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    ::execlp("fusermount3", "fusermount3", options, "--", directory.c_str(), nullptr);
    const std::string_view missing = "fusermount3 is missing; install the package fuse3";
    static_cast<void>(::write(STDERR_FILENO, missing.data(), missing.size()) != 0);
    ::_exit(1);
  }
  ::close(pipe[1]);
  std::string said;
  std::array<char, 512> bytes{};
  for (ssize_t count = 0; (count = ::read(pipe[0], bytes.data(), bytes.size())) > 0;) {
    said.append(bytes.data(), static_cast<std::size_t>(count));
  }
  ::close(pipe[0]);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    return Error{ErrorCode::kUnavailable, "cannot start fusermount3"};
  }
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (status != 0 && said.empty()) said = "fusermount3 failed";
  return status == 0 ? "" : said;
}

}  // namespace

std::optional<MountEntry> mount_on(const fs::path& directory, const fs::path& table) {
  std::ifstream lines(table);
  std::optional<MountEntry> found;  // a later line is a later mount, above the earlier ones
  for (std::string line; std::getline(lines, line);) {
    auto entry = parse_entry(line);
    if (entry && entry->directory == directory) found = std::move(entry);
  }
  return found;
}

Result<fs::path> resolve_mount_point(const fs::path& directory) {
  std::error_code error;
  fs::path resolved = fs::canonical(directory, error);
  if (error) return refused(fs::absolute(directory).lexically_normal(), error.value());
  return resolved;
}

bool lies_in(const fs::path& path, const fs::path& directory) {
  return std::mismatch(directory.begin(), directory.end(), path.begin(), path.end()).first ==
         directory.end();
}

bool is_dead_mount(const fs::path& directory) {
  struct statx root {};
  // Forced, as the kernel answers from what it remembers otherwise.
  const int result =
      ::statx(AT_FDCWD, directory.c_str(), AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &root);
  return result != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

Result<fs::path> prepare_mount_point(const fs::path& directory) {
  auto resolved = resolve_mount_point(directory);
  if (!resolved) return resolved;
  if (auto cleared = clear_ours(*resolved); !cleared) return cleared.error();
  struct stat status {};
  if (::stat(resolved->c_str(), &status) != 0) return refused(*resolved, errno);
  if (!S_ISDIR(status.st_mode)) return refused(*resolved, ENOTDIR);
  if (auto empty = check_empty(*resolved); !empty) return empty.error();
  return resolved;
}

Result<void> unmount(const fs::path& directory, Detach detach) {
  if (::geteuid() == 0) {
    const int flags = UMOUNT_NOFOLLOW | (detach == Detach::kLazily ? MNT_DETACH : 0);
    if (::umount2(directory.c_str(), flags) == 0) return {};
    if (errno == EBUSY) return in_use(directory);
    return Error{ErrorCode::kDenied,
                 fmt::format("cannot unmount {}: {}", directory.string(), std::strerror(errno))};
  }
  const auto said = run_fusermount(directory, detach);
  if (!said) return said.error();
  if (said->empty()) return {};
  if (said->find("busy") != std::string::npos) return in_use(directory);
  return Error{ErrorCode::kDenied, *said};
}

}  // namespace augurfs
