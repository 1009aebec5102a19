#include "fs/log.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

TEST(Log, AnEventIsOneLineInTheFileWhoseDirectoryIsMade) {
  const TemporaryDirectory home;
  const auto file = home.path() / "state" / "log";
  ASSERT_TRUE(start_log(file, "info"));
  spdlog::info("cache.evicted object={} bytes={}", "a", 7);
  stop_log();
  const std::string log = content(file);
  EXPECT_NE(log.find(" info cache.evicted object=a bytes=7\n"), std::string::npos) << log;
}

TEST(Log, EventsBelowTheLevelAreLeftOut) {
  const TemporaryDirectory home;
  const auto file = home.path() / "log";
  ASSERT_TRUE(start_log(file, "warn"));
  spdlog::info("quiet");
  spdlog::warn("loud");
  stop_log();
  EXPECT_EQ(content(file).find("quiet"), std::string::npos);
  EXPECT_NE(content(file).find("loud"), std::string::npos);
}

TEST(Log, AMessageOfSeveralLinesStaysOneLine) {
  const TemporaryDirectory home;
  const auto file = home.path() / "log";
  ASSERT_TRUE(start_log(file, "info"));
  spdlog::info("fs.unreachable_keys example='{}'", "a\nforged.event\x1b[31m");
  stop_log();
  const std::string log = content(file);
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_EQ(log.find('\x1b'), std::string::npos);
}

TEST(Log, AFileThatIsFullMakesRoomAndThreeOldOnesStay) {
  const TemporaryDirectory home;
  ASSERT_TRUE(start_log(home.path() / "log", "info"));
  // Each fills a file, so that the next begins another.
  for (int i = 0; i < 6; ++i) spdlog::info("line={} {}", i, std::string(10 << 20, 'x'));
  spdlog::info("last");
  stop_log();
  EXPECT_LT(content(home.path() / "log").size(), 100U);
  for (const auto& [name, line] : {std::pair{"log.1", 5}, {"log.2", 4}, {"log.3", 3}}) {
    EXPECT_NE(content(home.path() / name).find(fmt::format("line={} ", line)), std::string::npos);
  }
  EXPECT_FALSE(std::filesystem::exists(home.path() / "log.4"));
}

TEST(Log, WhoLogsAfterTheEndDoesNoHarm) {
  const TemporaryDirectory home;
  ASSERT_TRUE(start_log(home.path() / "log", "info"));
  stop_log();
  spdlog::error("too late");
  EXPECT_EQ(content(home.path() / "log").find("too late"), std::string::npos);
}

TEST(Log, AFileThatCannotBeWrittenIsAnError) {
  const TemporaryDirectory home;
  const std::string in_the_way = home.write("file", "");
  const auto below = start_log(in_the_way + "/log", "info");
  ASSERT_FALSE(below);
  EXPECT_EQ(below.error().code, ErrorCode::kDenied);
  EXPECT_EQ(below.error().message, "cannot write the log: cannot make the directory " + in_the_way +
                                       ": Not a directory; choose another log.file");
  const auto started = start_log(home.path(), "info");
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find(home.path().string()), std::string::npos);
}

}  // namespace
}  // namespace augurfs
