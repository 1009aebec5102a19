#include "support/mount.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "remote/unique_fd.h"
#include "support/eventually.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{30};

}  // namespace

fs::path augurfs_program() { return AUGURFS_PROGRAM; }

bool is_mounted(const fs::path& directory) {
  return read_file("/proc/self/mountinfo").find(" " + directory.string() + " ") !=
         std::string::npos;
}

bool unmounts(const fs::path& directory) {
  const UniqueFd table(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(kPatience);
  while (is_mounted(directory)) {
    // The kernel tells of every change of the table.
    pollfd change{table.get(), POLLPRI, 0};
    if (::poll(&change, 1, static_cast<int>(patience.count())) != 1) return false;
  }
  return true;
}

// One by one, not from "/" down: in a plain chroot that is no mount point, and what is not one has
// nothing to set. A mount that is out of reach below another does not matter.
void have_own_mounts(const std::filesystem::path& shared) {
  if (::unshare(CLONE_NEWNS) != 0)
    throw std::system_error(errno, std::generic_category(), "unshare");
  std::istringstream table(read_file("/proc/self/mounts"));
  for (std::string device, point, type; table >> device >> point >> type;) {
    ::mount(nullptr, point.c_str(), nullptr, MS_PRIVATE, nullptr);
    // Those of other tests would otherwise outlive their unmounting.
    if (type == "fuse.augurfs" && point != shared) ::umount2(point.c_str(), MNT_DETACH);
    std::getline(table, device);
  }
}

TestMount::TestMount(const std::string& query) : query_(query) {
  // Daemons become children of the test, so that it can see them end.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  fs::create_directories(source());
  fs::create_directories(path());
  fs::create_directories(home_.path() / "run");
  fs::permissions(home_.path() / "run", fs::perms::owner_all);
  environment_ = {{"PATH", std::getenv("PATH")},
                  {"HOME", home_.path()},
                  {"XDG_RUNTIME_DIR", home_.path() / "run"}};
  // A daemon has no stderr to complain to.
  for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    const char* value = std::getenv(name);
    environment_[name] = (value == nullptr ? "" : std::string(value) + ":") +
                         "log_path=" + (home_.path() / "sanitizer").string();
  }
}

TestMount::~TestMount() {
  while (mounted() && ::umount2(path().c_str(), MNT_DETACH) == 0) {
  }
  if (mounted()) run_program({"fusermount3", "-uz", path()}, environment_);
  if (daemon_ > 0 && !daemon_ends()) ::kill(daemon_, SIGKILL);
  for (const auto& file : fs::directory_iterator(home_.path())) {
    if (!file.path().filename().string().starts_with("sanitizer")) continue;
    ADD_FAILURE() << read_file(file.path());
  }
}

void TestMount::put(const std::string& key, std::string_view content) const {
  fs::create_directories(source(key).parent_path());
  std::ofstream out(source(key), std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + source(key).string());
}

ProgramResult TestMount::mount(const std::vector<std::string>& more_arguments) {
  return mount_url(url(), more_arguments);
}

ProgramResult TestMount::mount_url(const std::string& url,
                                   const std::vector<std::string>& more_arguments) {
  std::vector<std::string> arguments{"mount",
                                     url,
                                     path(),
                                     "--set",
                                     "cache.dir=" + cache().string(),
                                     "--set",
                                     "cache.size=1 GiB",
                                     "--set",
                                     "cache.free_space=0%",
                                     "--set",
                                     "log.level=debug",
                                     "--set",
                                     "log.file=" + (home_.path() / "log").string()};
  arguments.insert(arguments.end(), more_arguments.begin(), more_arguments.end());
  ProgramResult result = augurfs(arguments);
  if (result.exit_code == 0) {
    const auto answer = augurfs({"status", path(), "--json"});
    daemon_ = answer.exit_code == 0 ? nlohmann::json::parse(answer.output).at("pid").get<pid_t>()
                                    : -1;  // a mount in the foreground is over by now
  }
  return result;
}

ProgramResult TestMount::unmount() { return augurfs({"unmount", path()}); }

ProgramResult TestMount::augurfs(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{program_};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_program(command, environment_);
}

bool TestMount::mounted() const { return is_mounted(path()); }

pid_t TestMount::daemon() const { return daemon_; }

bool TestMount::daemon_ends() const { return process_ends(daemon_); }

void TestMount::kill_daemon() const {
  ::kill(daemon_, SIGKILL);
  if (!daemon_ends()) throw std::runtime_error("the daemon does not die");
}

bool TestMount::unmounts() const { return augurfs::unmounts(path()); }

std::uint64_t TestMount::status(const std::string& part, const std::string& name) const {
  const ProgramResult answer = augurfs({"status", path(), "--json"});
  if (answer.exit_code != 0) throw std::runtime_error("no status: " + answer.errors);
  return nlohmann::json::parse(answer.output).at(part).at(name).get<std::uint64_t>();
}

fs::path TestMount::path(const std::string& name) const {
  const fs::path root = home_.path() / "drive";
  return name.empty() ? root : root / name;
}

fs::path TestMount::source(const std::string& name) const {
  const fs::path root = home_.path() / "bucket";
  return name.empty() ? root : root / name;
}

std::string TestMount::log() const { return read_file(home_.path() / "log"); }

bool TestMount::logs(const std::string& word, std::size_t from) const {
  return eventually([&] { return log().find(word, from) != std::string::npos; });
}

std::string TestMount::url() const {
  return "file://" + source().string() + (query_.empty() ? "" : "?" + query_);
}

std::string read_file(const fs::path& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw std::system_error(errno, std::generic_category(), path.string());
  std::string bytes;
  std::vector<char> piece(1 << 20);
  for (ssize_t count = 1; count > 0;) {
    count = ::read(file.get(), piece.data(), piece.size());
    if (count < 0) throw std::system_error(errno, std::generic_category(), path.string());
    bytes.append(piece.data(), static_cast<std::size_t>(count));
  }
  return bytes;
}

std::string some_bytes(std::size_t count, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(generator());
  return bytes;
}

}  // namespace augurfs
