#include "remote/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

#include "remote/unique_fd.h"

namespace augurfs {
namespace {

constexpr std::size_t kBytesMax = 1'048'576;

Error cannot_read(const std::string& path, int error_number) {
  const bool denied = error_number == EACCES || error_number == EPERM;
  return {denied ? ErrorCode::kDenied : ErrorCode::kUnavailable,
          "cannot read " + path + ": " + std::generic_category().message(error_number)};
}

}  // namespace

Result<std::optional<std::string>> read_small_file(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return cannot_read(path, errno);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::kInvalid, path + " is not a file"};

  std::string text(kBytesMax + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_read(path, errno);
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  if (length > kBytesMax) return Error{ErrorCode::kInvalid, path + " is larger than a megabyte"};
  text.resize(length);
  return text;
}

}  // namespace augurfs
