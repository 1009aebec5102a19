// The brain killed again and again under a mount of this process.

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include "fs/mounted_file_system.h"
#include "support/mount.h"
#include "support/program.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

constexpr int kFiles = 200;
constexpr int kKills = 100;

std::string content_of(int i) { return std::string(static_cast<std::size_t>(i) * 50, 'x'); }

TEST(KilledBrain, ACopyGoesOnWithTheRightBytesThoughItIsKilledAHundredTimes) {
  MountedFileSystemOptions options;
  options.brain = SupervisorOptions{.command = {AUGURFS_BRAIN, "1000000000", "4096", "1000000000"},
                                    .restart_after_min = std::chrono::milliseconds(1),
                                    .restart_after_max = std::chrono::milliseconds(1)};
  MountedFileSystem drive(options);
  int kills = 0;
  std::jthread killer([&](const std::stop_token& stop) {
    pid_t last = 0;
    while (!stop.stop_requested() && kills < kKills) {
      const BrainStats brain = drive.prefetcher_stats().brain;
      if (brain.state == BrainState::kRunning && brain.process != last) {
        last = brain.process;
        ::kill(last, SIGKILL);
        ++kills;
      }
      std::this_thread::yield();
    }
  });
  const TemporaryDirectory copies;
  // Until it was killed so often, but once at least.
  bool killed = false;
  for (int round = 0; !killed; ++round) {
    killed = drive.prefetcher_stats().brain.restarts >= kKills;
    const auto copy = copies.path() / std::to_string(round);
    // As new objects each time, so that there is something to fetch.
    for (int i = 0; i < kFiles; ++i) {
      drive.store.put("d/" + std::to_string(1000 + i), content_of(i));
    }
    drive.expire();
    const ProgramResult copied =
        run_program({"/bin/cp", "-r", drive.path("d"), copy}, {{"PATH", "/usr/bin:/bin"}});
    ASSERT_EQ(copied.exit_code, 0) << copied.errors;
    for (int i = 0; i < kFiles; ++i) {
      ASSERT_EQ(read_file(copy / std::to_string(1000 + i)), content_of(i));
    }
    std::filesystem::remove_all(copy);
  }
  killer.join();
  EXPECT_EQ(kills, kKills);
}

}  // namespace
}  // namespace augurfs
