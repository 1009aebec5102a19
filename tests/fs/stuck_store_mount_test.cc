// A server that takes requests and never answers: reads end, and those of the cache go on.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "remote/unique_fd.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/s3_server.h"

namespace augurfs {
namespace {

void silence(Reply& reply) {
  reply.is_silent = true;
  reply.end = Reply::End::kStall;
}

class StuckStoreMount : public testing::Test {
 protected:
  StuckStoreMount() {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}) {
      drive_.environment()[name] = *S3Server::environment(name);
    }
    drive_.environment()["AWS_EC2_METADATA_DISABLED"] = "true";
  }

  void mount(const std::string& deadline) {
    const ProgramResult mounted = drive_.mount_url(
        "s3://bucket", {"--set", "remote.endpoint=" + server_.http().url(), "--set",
                        "remote.deadline=" + deadline, "--set", "metadata.ttl=1 h"});
    ASSERT_EQ(mounted.exit_code, 0) << mounted.errors;
  }

  // From here on no request is answered.
  void fall_silent() {
    for (int i = 0; i < 1000; ++i) server_.spoil_next(silence);
  }

  // 0, or errno.
  int read_some(const std::string& name, int flags = 0) const {
    const UniqueFd file(::open(drive_.path(name).c_str(), O_RDONLY | O_CLOEXEC | flags));
    if (!file) return errno;
    alignas(4096) std::array<char, 4096> bytes{};
    return ::pread(file.get(), bytes.data(), bytes.size(), 1 << 20) < 0 ? errno : 0;
  }

  S3Server server_;
  TestMount drive_;
};

TEST_F(StuckStoreMount, AReadFailsAfterOneDeadlineAndNotAfterSeveral) {
  server_.bucket().put("large", some_bytes(3 << 20));
  mount("2 s");
  ASSERT_EQ(::access(drive_.path("large").c_str(), F_OK), 0);
  fall_silent();
  const std::size_t before = server_.http().requests().size();
  EXPECT_NE(read_some("large"), 0);
  // The deadline comes before a stall is noticed, whatever the size of what was asked for.
  EXPECT_EQ(drive_.status("remote", "retries"), 0U);
  // The kernel asked ahead of the reader and then for the page itself; the store was asked once.
  EXPECT_EQ(server_.http().requests().size() - before, 1U);
}

TEST_F(StuckStoreMount, LookupsInOneDirectoryDoNotWaitForOneAnother) {
  constexpr std::size_t kAskers = 12;
  constexpr int kMoreThanOnePage = 1001;
  for (int i = 0; i < kMoreThanOnePage; ++i) server_.bucket().put("d/a" + std::to_string(i), "");
  mount("1 h");
  ASSERT_NE(::access(drive_.path("d/y").c_str(), F_OK), 0);  // the first page is known from here on
  fall_silent();
  const std::size_t before = server_.http().requests().size();
  std::vector<std::jthread> askers;
  for (std::size_t i = 0; i < kAskers; ++i) {
    askers.emplace_back(
        [&, i] { EXPECT_NE(::access(drive_.path("d/x" + std::to_string(i)).c_str(), F_OK), 0); });
  }
  // One after another, the second would be sent when the first is answered.
  EXPECT_TRUE(eventually([&] { return server_.http().requests().size() >= before + kAskers; }));
  EXPECT_EQ(drive_.augurfs({"unmount", "--force", drive_.path()}).exit_code, 0);
}

TEST_F(StuckStoreMount, ReadsOfTheCacheGoOnWhileManyWaitForTheStore) {
  constexpr int kStuck = 24;  // more than the threads that stay
  const std::string content = some_bytes(2 << 20);
  server_.bucket().put("cached", content);
  for (int i = 0; i < kStuck; ++i) server_.bucket().put("stuck" + std::to_string(i), content);
  mount("1 h");
  EXPECT_EQ(read_file(drive_.path("cached")), content);
  for (int i = 0; i < kStuck; ++i) {
    ASSERT_EQ(::access(drive_.path("stuck" + std::to_string(i)).c_str(), F_OK), 0);
  }
  fall_silent();
  std::atomic<int> ended = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < kStuck; ++i) {
    readers.emplace_back([&, i] {
      read_some("stuck" + std::to_string(i));
      ++ended;
    });
  }
  EXPECT_TRUE(eventually([&] { return drive_.status("cache", "waiting") >= kStuck; }));
  // Straight to the daemon, past the pages that the kernel keeps.
  EXPECT_EQ(read_some("cached", O_DIRECT), 0);
  EXPECT_EQ(ended, 0) << "they still wait";
  EXPECT_EQ(drive_.augurfs({"unmount", "--force", drive_.path()}).exit_code, 0);
}

}  // namespace
}  // namespace augurfs
