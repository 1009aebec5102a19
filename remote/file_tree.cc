#include "remote/file_tree.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <system_error>
#include <utility>

namespace augurfs {
namespace {

// Without O_NONBLOCK opening a pipe that took a file's place would wait for its writer.
constexpr int kReadFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

std::string descriptor_path(const UniqueFd& fd) {
  return "/proc/self/fd/" + std::to_string(fd.get());
}

std::string real_path(const UniqueFd& fd) {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink(descriptor_path(fd).c_str(), path.data(), path.size());
  return length < 0 ? std::string() : std::string(path.data(), static_cast<std::size_t>(length));
}

// Splits the key of an object into the key of its directory and its name there.
std::pair<std::string_view, std::string> split(const std::string& key) {
  const std::size_t slash = key.rfind('/');
  if (slash == std::string::npos) return {"", key};
  return {std::string_view(key).substr(0, slash + 1), key.substr(slash + 1)};
}

// Names that a key may hold but no file can have.
bool is_entry_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('\0') == std::string_view::npos;
}

bool is_gone(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP ||
         error_number == ENAMETOOLONG;
}

bool is_directory(int directory, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status {};  // some file systems leave it to stat
  return ::fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

}  // namespace

FileTree::FileTree(std::string path, UniqueFd root)
    : path_(std::move(path)), root_(std::move(root)) {}

Result<FileTree> FileTree::open(const std::string& directory) {
  // Opened as a listing would, so that a directory that cannot be read is refused right here.
  UniqueFd root(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) {
    Error why = FileTree(directory, UniqueFd()).error(errno, "");
    why.message += "; the bucket has to be a directory that is there and can be read";
    return why;
  }
  std::string path = real_path(root);
  if (path.empty()) {
    return Error{ErrorCode::kUnavailable, "file://" + directory + ": /proc is not mounted"};
  }
  return FileTree(std::move(path), std::move(root));
}

Error FileTree::error(int error_number, std::string_view key) const {
  ErrorCode code = ErrorCode::kUnavailable;
  if (is_gone(error_number)) code = ErrorCode::kNotFound;
  if (error_number == EACCES || error_number == EPERM) code = ErrorCode::kDenied;
  std::string where = "file://" + path_;
  if (!key.empty()) where += ": '" + std::string(key) + "'";
  return {code, where + ": " + std::generic_category().message(error_number)};
}

Result<UniqueFd> FileTree::open_directory(std::string_view key) const {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd directory(::openat(root_.get(), ".", kFlags));
  if (!directory) return error(errno, key);
  for (std::string_view rest = key; !rest.empty();) {
    const std::size_t slash = rest.find('/');
    const std::string name(rest.substr(0, slash));
    if (slash == std::string_view::npos || !is_entry_name(name)) return error(ENOENT, key);
    directory = UniqueFd(::openat(directory.get(), name.c_str(), kFlags));
    if (!directory) return error(errno, key);
    rest.remove_prefix(slash + 1);
  }
  return directory;
}

Result<std::vector<std::string>> FileTree::names(const UniqueFd& directory) const {
  UniqueFd readable(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable) return error(errno, real_path(directory));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(readable.get()), ::closedir);
  if (!stream) return error(errno, real_path(directory));
  const int fd = readable.release();  // the stream's now

  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) return error(errno, real_path(directory));
      break;
    }
    std::string name = entry->d_name;
    if (!is_entry_name(name)) continue;
    if (is_directory(fd, *entry)) name += '/';
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool FileTree::inside(const UniqueFd& file) const {
  // Asked anew each time: the root may have been renamed since it was opened.
  std::string root = real_path(root_);
  if (root.empty()) return false;
  if (root != "/") root += '/';
  return real_path(file).starts_with(root);
}

Result<std::optional<struct stat>> FileTree::status(const UniqueFd& directory,
                                                    const std::string& name) const {
  struct stat status {};
  if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return error(errno, real_path(directory) + "/" + name);
  }
  if (S_ISLNK(status.st_mode)) {
    // O_PATH touches nothing, whatever it leads to; what cannot be reached is left out.
    const UniqueFd target(::openat(directory.get(), name.c_str(), O_PATH | O_CLOEXEC));
    if (!target || !inside(target) || ::fstat(target.get(), &status) != 0) return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return status;
}

Result<struct stat> FileTree::status(const std::string& key) const {
  const auto [parent, name] = split(key);
  const auto directory = open_directory(parent);
  if (!directory) return directory.error().in("'" + key + "'");
  if (name.empty() && !key.empty()) {
    struct stat status {};
    if (::fstat(directory->get(), &status) != 0) return error(errno, key);
    return status;
  }
  if (!is_entry_name(name)) return error(ENOENT, key);
  auto found = status(*directory, name);
  if (!found) {
    return found.error().code == ErrorCode::kNotFound ? error(ENOENT, key) : found.error();
  }
  if (!*found) return error(ENOENT, key);
  return **found;
}

Result<FileTree::File> FileTree::open_file(const std::string& key) const {
  const auto [parent, name] = split(key);
  if (!is_entry_name(name)) return error(ENOENT, key);
  const auto directory = open_directory(parent);
  if (!directory) return directory.error().in("'" + key + "'");
  const auto found = status(*directory, name);
  if (!found) {
    return found.error().code == ErrorCode::kNotFound ? error(ENOENT, key) : found.error();
  }
  if (!*found) return error(ENOENT, key);

  File file;
  file.fd = UniqueFd(::openat(directory->get(), name.c_str(), kReadFlags | O_NOFOLLOW));
  const bool followed = !file.fd && errno == ELOOP;
  if (followed) file.fd = UniqueFd(::openat(directory->get(), name.c_str(), kReadFlags));
  if (!file.fd) return error(errno, key);
  if (::fstat(file.fd.get(), &file.status) != 0) return error(errno, key);
  // Asked again of what is open: something else may have taken the file's place meanwhile.
  if (!S_ISREG(file.status.st_mode) || (followed && !inside(file.fd))) return error(ENOENT, key);
  return file;
}

ObjectInfo object_info(std::string key, const struct stat& status) {
  ObjectInfo info;
  info.version.key = std::move(key);
  info.modified = std::chrono::sys_seconds{std::chrono::seconds{status.st_mtim.tv_sec}};
  if (S_ISDIR(status.st_mode)) {
    info.version.etag = "directory";
    return info;
  }
  info.version.size = static_cast<std::uint64_t>(status.st_size);
  const auto time = [](const struct timespec& t) {
    return std::to_string(t.tv_sec) + "." + std::to_string(t.tv_nsec);
  };
  info.version.etag = std::to_string(status.st_ino) + "-" + time(status.st_mtim) + "-" +
                      time(status.st_ctim) + "-" + std::to_string(status.st_size);
  return info;
}

}  // namespace augurfs
