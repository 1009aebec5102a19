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

TEST(Log, WhoLogsAfterTheEndDoesNoHarm) {
  const TemporaryDirectory home;
  ASSERT_TRUE(start_log(home.path() / "log", "info"));
  stop_log();
  spdlog::error("too late");
  EXPECT_EQ(content(home.path() / "log").find("too late"), std::string::npos);
}

TEST(Log, AFileThatCannotBeWrittenIsAnError) {
  const auto started = start_log("/proc/no/log", "info");
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kDenied);
  EXPECT_NE(started.error().message.find("/proc/no/log"), std::string::npos);
}

}  // namespace
}  // namespace augurfs
