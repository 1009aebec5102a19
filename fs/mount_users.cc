#include "fs/mount_users.h"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <fstream>
#include <system_error>

#include "fs/lies_in.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

// Reading these links does not touch what they lead to.
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

}  // namespace

std::string users_of(const fs::path& mount_point) {
  constexpr int kNamedMax = 5;
  const std::string self = std::to_string(::getpid());  // who asks is about to end
  std::string users;
  int count = 0;
  std::error_code error;
  fs::directory_iterator process("/proc", error);
  for (; !error && process != fs::directory_iterator(); process.increment(error)) {
    const std::string id = process->path().filename();
    if (id.find_first_not_of("0123456789") != std::string::npos) continue;
    if (id == self || !uses(process->path(), mount_point)) continue;
    if (++count > kNamedMax) return users + ", ...";
    std::ifstream comm(process->path() / "comm");
    std::string name;
    std::getline(comm, name);
    users += fmt::format("{}{} ({})", users.empty() ? "" : ", ", id, name);
  }
  return users;
}

}  // namespace augurfs
