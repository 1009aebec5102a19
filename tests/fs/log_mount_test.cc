// Where a mount writes about itself, and what.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

#include "remote/unique_fd.h"
#include "support/mount.h"

namespace augurfs {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kMebibyte = 1 << 20;

// Past the page cache, so that it is one request of the kernel if the mount takes so much.
void read_at_once(const std::string& path, std::size_t size) {
  constexpr std::size_t kAlignment = 4096;
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
  const std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(kAlignment, size),
                                                           &std::free);
  ASSERT_EQ(::pread(file.get(), memory.get(), size, 0), static_cast<ssize_t>(size));
}

TEST(MountLog, AtTraceEachReadHasALineAndAMebibyteIsOneRead) {
  TestMount drive;
  drive.put("file", some_bytes(3 * kMebibyte));
  ASSERT_EQ(drive.mount({"--set", "log.level=trace"}).exit_code, 0);
  read_at_once(drive.path("file"), kMebibyte);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  EXPECT_THAT(drive.log(),
              HasSubstr("trace fs.read key=\"file\" offset=0 bytes=1048576 hit=false"));
}

TEST(MountLog, AtDebugAReadHasNone) {
  TestMount drive;
  drive.put("file", some_bytes(kMebibyte));
  ASSERT_EQ(drive.mount().exit_code, 0);
  read_at_once(drive.path("file"), kMebibyte);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  EXPECT_THAT(drive.log(), Not(HasSubstr("fs.read")));
}

TEST(MountLog, AValueWithSpacesAndQuotesInItIsOneField) {
  TestMount drive;
  std::filesystem::create_directory(drive.source("a \"b\" c"));
  const std::string bucket = "file://" + drive.source("a \"b\" c").string();
  ASSERT_EQ(drive.mount_url(bucket).exit_code, 0);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  EXPECT_THAT(drive.log(),
              HasSubstr(" source=\"file://" + drive.source().string() + "/a \\\"b\\\" c\"\n"));
  EXPECT_THAT(drive.log(), HasSubstr("/a \\\"b\\\" c holds nothing"));
}

// A journal of the test's own, in a /run that nobody else sees.
class Journal : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0U) << "needs root for a /run of its own";
    have_own_mounts();
    ASSERT_EQ(::mount("none", "/run", "tmpfs", 0, nullptr), 0);
    std::filesystem::create_directories("/run/systemd/journal");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, "/run/systemd/journal/socket");
    ASSERT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const timeval patience{30, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  void TearDown() override { ::umount2("/run", MNT_DETACH); }

  // The next entry with `word` in it; "" when there is none for long.
  std::string entry_with(const std::string& word) const {
    std::array<char, 8192> bytes{};
    while (true) {
      const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
      if (count <= 0) return "";
      const std::string entry(bytes.data(), static_cast<std::size_t>(count));
      if (entry.find(word) != std::string::npos) return entry;
    }
  }

 private:
  UniqueFd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(Journal, TakesWhatAMountWritesWithItsPriorityAndName) {
  TestMount drive;
  drive.put("file", "bytes");
  const ProgramResult mounted = drive.mount({"--set", "log.file=journald"});
  ASSERT_EQ(mounted.exit_code, 0) << mounted.errors;
  const std::string entry = entry_with("mount.ready");
  EXPECT_THAT(entry, HasSubstr("MESSAGE=mount.ready directory=\"" + drive.path().string() + "\""));
  EXPECT_THAT(entry, HasSubstr("PRIORITY=6\n"));
  EXPECT_THAT(entry, HasSubstr("SYSLOG_IDENTIFIER=augurfs\n"));
  EXPECT_EQ(drive.unmount().exit_code, 0);
}

TEST_F(Journal, ThatDoesNotListenIsRefused) {
  TestMount drive;
  std::filesystem::remove("/run/systemd/journal/socket");
  const ProgramResult refused = drive.mount({"--set", "log.file=journald"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.errors, HasSubstr("/run/systemd/journal/socket"));
  EXPECT_THAT(refused.errors, HasSubstr("set log.file"));
  EXPECT_FALSE(drive.mounted());
}

}  // namespace
}  // namespace augurfs
