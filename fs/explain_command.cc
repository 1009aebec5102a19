#include "fs/explain_command.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "fs/admin_socket.h"
#include "fs/explanation.h"
#include "fs/mount_health.h"
#include "fs/mount_point.h"
#include "fs/mount_table.h"
#include "fs/print_error.h"
#include "fs/runtime_directory.h"
#include "remote/unique_fd.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

// A file of a mount. As long as this lives the daemon knows its inode.
struct MountedFile {
  UniqueFd fd;
  MountEntry mount;
  std::uint64_t inode = 0;
};

Error told(const fs::path& path, const std::string& what) {
  return {ErrorCode::kInvalid, path.string() + ": " + what};
}

Result<void> check_health(const fs::path& path) {
  const auto around = our_mount_around(path.lexically_normal());
  if (!around) return {};
  switch (ask_mount(around->directory)) {
    case MountHealth::kSilent:
      return told(path, fmt::format("the daemon of {} does not answer; see augurfs status",
                                    around->directory.string()));
    case MountHealth::kDead:
      return told(path, fmt::format("the daemon of {} has ended; take the mount away: augurfs "
                                    "unmount {}",
                                    around->directory.string(), around->directory.string()));
    case MountHealth::kAnswers:
      break;
  }
  return {};
}

// Opened by its path alone: nothing of it is read, and to the mount that is a look-up at most.
Result<MountedFile> find(const fs::path& path) {
  const auto absolute = absolute_path(path);
  if (!absolute) return absolute.error();
  if (auto healthy = check_health(*absolute); !healthy) return healthy.error();
  MountedFile file;
  file.fd = UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (!file.fd || ::fstat(file.fd.get(), &status) != 0) {
    return told(path, errno == ENOENT ? "no such file" : std::strerror(errno));
  }
  std::error_code error;
  const fs::path real = fs::read_symlink(fmt::format("/proc/self/fd/{}", file.fd.get()), error);
  const auto mount = error ? std::nullopt : our_mount_around(real);
  if (!mount) return told(path, "is on no mount of augurfs");
  if (S_ISDIR(status.st_mode)) return told(path, "is a directory; name a file");
  file.mount = *mount;
  file.inode = status.st_ino;
  return file;
}

Result<std::string> explain(const fs::path& path, const Environment& environment) {
  const auto file = find(path);
  if (!file) return file.error();
  const fs::path sockets = runtime_directory(environment, ::geteuid());
  auto answer = ask_daemon(socket_path(sockets, file->mount.directory), "/explain",
                           {{"inode", std::to_string(file->inode)}});
  if (!answer && answer.error().code == ErrorCode::kNotFound) {
    return told(path, fmt::format("no mount of yours on {}", file->mount.directory.string()));
  }
  return answer;
}

}  // namespace

int run_explain(const ExplainCommand& command, const Environment& environment) {
  const auto answer = explain(command.file, environment);
  if (!answer) {
    print_error(answer.error().message);
    return 1;
  }
  const std::string text = command.json ? *answer + "\n" : explanation_text(*answer);
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace augurfs
