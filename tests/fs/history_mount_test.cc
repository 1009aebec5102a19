// What a mount remembers, and what can be said to its prefetcher, by the program itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "support/eventually.h"
#include "support/mount.h"

namespace augurfs {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string run(const TestMount& drive, const std::vector<std::string>& arguments) {
  const ProgramResult result = drive.augurfs(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return result.output;
}

// What a person does with a file; the events of it are on their way when it is done.
std::string cat(TestMount& drive, const std::string& name) {
  return run_program({"cat", drive.path(name)}, drive.environment()).output;
}

TEST(MountHistory, SaysWhichProgramReadWhatAlsoAfterTheMountEnded) {
  TestMount drive;
  drive.put("d/a", "bytes");
  drive.put("private/b", "secret");
  ASSERT_EQ(drive.mount({"--set", "history.exclude_paths=private"}).exit_code, 0);
  ASSERT_EQ(cat(drive, "private/b"), "secret");
  ASSERT_EQ(cat(drive, "d/a"), "bytes");
  std::string trace;
  ASSERT_TRUE(eventually([&] {
    trace = run(drive, {"history", "export", drive.path()});
    return trace.find(",cat,read,d/a,") != std::string::npos;
  }));
  EXPECT_EQ(trace.substr(0, trace.find('\n')),
            "time_s,stream,exe,op,path,offset,bytes,object_bytes");
  EXPECT_THAT(trace, HasSubstr(",cat,open,d/a,,,5\n"));
  EXPECT_THAT(trace, HasSubstr(",cat,read,d/a,0,5,5\n"));
  EXPECT_THAT(trace, Not(HasSubstr("private/b")));
  EXPECT_THAT(run(drive, {"history", "show", drive.path()}), HasSubstr("/cat\n"));
  ASSERT_EQ(drive.unmount().exit_code, 0);
  EXPECT_EQ(run(drive, {"history", "export", "--cache", drive.cache()}), trace);
  struct stat file {};
  ASSERT_EQ(::stat((drive.cache() / "history.db").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600U);
}

TEST(MountHistory, AnExportThatNobodyReadsToItsEndIsNoError) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_EQ(cat(drive, "a"), "bytes");
  // Into a pipe at whose other end there is nobody any more.
  const std::string command = "exec > >(true); wait $!; '" + augurfs_program().string() +
                              "' history export '" + drive.path().string() + "'";
  const ProgramResult piped = run_program({"bash", "-c", command}, drive.environment());
  EXPECT_EQ(piped.exit_code, 0);
  EXPECT_EQ(piped.errors, "");
}

TEST(MountHistory, IsWipedWhileItIsMountedAndAfterwards) {
  TestMount drive;
  drive.put("d/a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  for (const bool by_cache : {false, true}) {
    ASSERT_EQ(cat(drive, "d/a"), "bytes");
    const std::vector<std::string> where = by_cache
                                               ? std::vector<std::string>{"--cache", drive.cache()}
                                               : std::vector<std::string>{drive.path()};
    std::vector<std::string> wipe{"history", "wipe"};
    wipe.insert(wipe.end(), where.begin(), where.end());
    run(drive, wipe);
    EXPECT_EQ(run(drive, {"history", "show", drive.path()}), "the history is empty\n");
  }
  ASSERT_EQ(cat(drive, "d/a"), "bytes");
  ASSERT_EQ(drive.unmount().exit_code, 0);
  run(drive, {"history", "wipe", "--cache", drive.cache()});
  for (const auto& entry : std::filesystem::directory_iterator(drive.cache())) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("history")));
  }
}

TEST(MountHistory, SwitchedOffNothingIsWritten) {
  TestMount drive;
  drive.put("d/a", "bytes");
  ASSERT_EQ(drive.mount({"--set", "history.enabled=false"}).exit_code, 0);
  ASSERT_EQ(read_file(drive.path("d/a")), "bytes");
  EXPECT_THAT(drive.augurfs({"history", "show", drive.path()}).errors,
              HasSubstr("keeps no history"));
  ASSERT_EQ(drive.unmount().exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(drive.cache() / "history.db"));
}

TEST(MountHistory, OneThatIsDamagedCostsNothingButItself) {
  TestMount drive;
  drive.put("d/a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  ASSERT_EQ(drive.unmount().exit_code, 0);
  std::ofstream(drive.cache() / "history.db") << std::string(10'000, 'x');
  ASSERT_EQ(drive.mount().exit_code, 0);
  EXPECT_EQ(read_file(drive.path("d/a")), "bytes");
  EXPECT_TRUE(drive.logs("history.set_aside"));
  EXPECT_TRUE(eventually([&] {
    return run(drive, {"history", "show", drive.path()}).find("events") != std::string::npos;
  }));
}

TEST(MountHistory, OfNoMountIsSaidWhereItMayBe) {
  TestMount drive;
  const ProgramResult of_mount = drive.augurfs({"history", "show", drive.path()});
  EXPECT_EQ(of_mount.exit_code, 1);
  EXPECT_THAT(of_mount.errors, HasSubstr("--cache DIR"));
  const ProgramResult of_cache = drive.augurfs({"history", "show", "--cache", drive.cache()});
  EXPECT_EQ(of_cache.exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(drive.cache())) << "asking made a cache";
}

TEST(MountPrefetch, IsSwitchedOnALiveMount) {
  TestMount drive;
  drive.put("a", some_bytes(8 << 20));
  drive.put("b", some_bytes(8 << 20, 2));
  ASSERT_EQ(drive.mount({"--set", "prefetch.mode=off"}).exit_code, 0);
  EXPECT_THAT(run(drive, {"status", drive.path()}), HasSubstr("(off)"));
  EXPECT_EQ(read_file(drive.path("a")), some_bytes(8 << 20));
  EXPECT_EQ(drive.status("prefetch", "bytes"), 0U);
  run(drive, {"prefetch", "pause", "10min", drive.path()});
  EXPECT_THAT(run(drive, {"status", drive.path()}), HasSubstr("(paused for"));
  run(drive, {"prefetch", "on", drive.path()});
  EXPECT_THAT(run(drive, {"status", drive.path()}), Not(HasSubstr("(paused")));
  // Not to its end: the rest is there to be fetched, however late the prefetcher is.
  std::ifstream b(drive.path("b"), std::ios::binary);
  std::string beginning(2 << 20, '\0');
  b.read(beginning.data(), 2 << 20);
  EXPECT_EQ(beginning, some_bytes(8 << 20, 2).substr(0, 2 << 20));
  ASSERT_TRUE(eventually([&] { return drive.status("prefetch", "bytes") > 0; }));
  const auto report = nlohmann::json::parse(
      run(drive, {"prefetch", "report", drive.path(), "--by", "dir", "--json"}));
  ASSERT_EQ(report.at("lines").size(), 1U);
  EXPECT_EQ(report.at("lines")[0].at("name"), "/");
  EXPECT_GT(report.at("total").at("fetched_bytes"), 0);
  EXPECT_THAT(run(drive, {"prefetch", "report", drive.path()}), HasSubstr("readahead\n"));
}

}  // namespace
}  // namespace augurfs
