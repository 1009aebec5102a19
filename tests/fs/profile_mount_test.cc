// What was learned on one machine makes the first run on another quick, by the program itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "predictor/profile_file.h"
#include "remote/small_file.h"
#include "support/eventually.h"
#include "support/mount.h"
#include "support/profile_rows.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kFiles = 20;
constexpr std::size_t kFileBytes = 5000;

// One file in each directory, so that nobody can know of the next but who remembers.
std::string name_of(int i) { return "d" + std::to_string(100 + i) + "/file"; }
std::string content_of(int i) { return some_bytes(kFileBytes, static_cast<std::uint32_t>(i)); }

void put_files(const TestMount& drive) {
  for (int i = 0; i < kFiles; ++i) drive.put(name_of(i), content_of(i));
}

std::vector<std::string> reader_of(const TestMount& drive, int files) {
  std::vector<std::string> command{"cat"};
  for (int i = 0; i < files; ++i) command.push_back(drive.path(name_of(i)));
  return command;
}

std::string all_content() {
  std::string out;
  for (int i = 0; i < kFiles; ++i) out += content_of(i);
  return out;
}

bool brain_runs(const TestMount& drive) {
  return eventually([&] {
    const auto answer = drive.augurfs({"status", drive.path(), "--json"});
    return nlohmann::json::parse(answer.output).at("brain").at("state") == "running";
  });
}

std::string run(const TestMount& drive, const std::vector<std::string>& arguments) {
  const ProgramResult result = drive.augurfs(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  return result.output;
}

std::string refusal(const TestMount& drive, const std::vector<std::string>& arguments) {
  const ProgramResult result = drive.augurfs(arguments);
  EXPECT_EQ(result.exit_code, 1);
  return result.errors;
}

std::vector<std::string> accesses(const std::filesystem::path& file) {
  const auto profile =
      unpack(read_small_file(file, kProfileBytesMax).value().value(), file.string());
  EXPECT_TRUE(profile) << profile.error().message;
  return profile ? lines(*profile) : std::vector<std::string>{};
}

class MountProfile : public testing::Test {
 protected:
  std::string file(const std::string& name) const { return directory_.path() / name; }

  // What a first machine learned, from one run.
  void make_profile(const std::string& path) {
    TestMount first;
    put_files(first);
    ASSERT_EQ(first.mount().exit_code, 0);
    std::vector<std::string> record{"profile", "record", first.path(), "--output", path, "--"};
    const auto reader = reader_of(first, kFiles);
    record.insert(record.end(), reader.begin(), reader.end());
    EXPECT_EQ(run(first, record), all_content());
  }

  TemporaryDirectory directory_;
};

TEST_F(MountProfile, TheFirstRunOnAnotherMachineFindsWhatItReadsFetched) {
  make_profile(file("p"));
  TestMount second("round_trip_ms=20");
  put_files(second);
  ASSERT_EQ(second.mount().exit_code, 0);
  ASSERT_TRUE(brain_runs(second));
  const auto before = second.status("brain", "pid");
  EXPECT_THAT(run(second, {"profile", "import", second.path(), file("p")}),
              HasSubstr(" accesses imported"));
  EXPECT_THAT(run(second, {"history", "show", second.path()}), HasSubstr("is empty"));
  // It begins anew and is told; then the program starts, for the first time on this machine.
  ASSERT_TRUE(eventually([&] { return second.status("brain", "pid") != before; }));
  ASSERT_TRUE(brain_runs(second));
  ASSERT_EQ(run_program(reader_of(second, 1)).output, content_of(0));
  ASSERT_TRUE(
      eventually([&] { return second.status("remote", "bytes_received") == kFiles * kFileBytes; }));
  EXPECT_EQ(second.status("prefetch", "bytes"), (kFiles - 1) * kFileBytes);
  EXPECT_EQ(run_program(reader_of(second, kFiles)).output, all_content());
  EXPECT_EQ(second.status("remote", "bytes_received"), kFiles * kFileBytes) << "all was there";
  EXPECT_EQ(second.status("prefetch", "used_bytes"), (kFiles - 1) * kFileBytes);
}

TEST_F(MountProfile, WithoutOneNothingOfItIsKnown) {
  TestMount second("round_trip_ms=20");
  put_files(second);
  ASSERT_EQ(second.mount().exit_code, 0);
  ASSERT_TRUE(brain_runs(second));
  ASSERT_EQ(run_program(reader_of(second, 1)).output, content_of(0));
  ASSERT_TRUE(eventually([&] { return second.status("brain", "events_sent") >= 2; }));
  EXPECT_EQ(second.status("prefetch", "bytes"), 0U);
}

TEST_F(MountProfile, AnImportHoldsOnTheNextMountUntilTheHistoryIsWiped) {
  make_profile(file("p"));
  TestMount second;
  put_files(second);
  ASSERT_EQ(second.mount().exit_code, 0);
  run(second, {"profile", "import", second.path(), file("p")});
  ASSERT_EQ(second.unmount().exit_code, 0);
  ASSERT_TRUE(second.daemon_ends());
  ASSERT_EQ(second.mount().exit_code, 0);
  run(second, {"profile", "export", second.path(), "--output", file("again")});
  EXPECT_EQ(read_file(file("again")), read_file(file("p"))) << "to the byte";
  ASSERT_TRUE(brain_runs(second));
  ASSERT_EQ(run_program(reader_of(second, 1)).output, content_of(0));
  EXPECT_TRUE(
      eventually([&] { return second.status("remote", "bytes_received") == kFiles * kFileBytes; }));
  run(second, {"history", "wipe", second.path()});
  EXPECT_THAT(refusal(second, {"profile", "export", second.path(), "--output", file("none")}),
              HasSubstr("nothing is known of that"));
  EXPECT_FALSE(std::filesystem::exists(file("none")));
}

TEST_F(MountProfile, ARecordingHoldsWhatAProgramAndItsChildrenDidAndNothingElse) {
  TestMount drive;
  for (const char* name : {"a", "b", "c", "d"}) drive.put(name, "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  const std::string before = drive.path("a");
  ASSERT_EQ(run_program({"cat", before}).output, "bytes");
  // A child of a child whose parent has ended; and in the meantime a program of nobody.
  const std::string script = "cat '" + drive.path("b").string() + "'; ( (cat '" +
                             drive.path("c").string() + "'; touch '" + file("done") +
                             "') & ); while [ ! -e '" + file("done") + "' ]; do :; done; exit 3";
  std::jthread other([&] { run_program({"head", drive.path("d")}); });
  const ProgramResult recorded =
      drive.augurfs({"profile", "record", drive.path(), "-o", file("p"), "--", "sh", "-c", script});
  EXPECT_EQ(recorded.exit_code, 3) << recorded.errors;
  EXPECT_EQ(recorded.output, "bytesbytes");
  std::string all;
  for (const auto& line : accesses(file("p"))) all += line + "\n";
  EXPECT_THAT(all, AllOf(HasSubstr(" cat 0 b "), HasSubstr(" cat 0 c ")));
  EXPECT_THAT(all, AllOf(Not(HasSubstr(" a ")), Not(HasSubstr("head"))));
  EXPECT_THAT(refusal(drive, {"profile", "record", drive.path(), "-o", file("q"), "--", "true"}),
              HasSubstr("true used nothing of"));
  EXPECT_THAT(
      refusal(drive, {"profile", "record", drive.path(), "-o", file("q"), "--", "/no/program"}),
      HasSubstr("/no/program: No such file"));
  EXPECT_FALSE(std::filesystem::exists(file("q")));
}

TEST_F(MountProfile, AnExportTellsWhatWasAskedForAndNothingOfTheMachine) {
  TestMount drive;
  for (const char* name : {"d/a", "d/b", "e/c"}) drive.put(name, "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  for (const char* name : {"d/a", "e/c"}) run_program({"cat", drive.path(name)});
  run_program({"head", drive.path("d/b")});
  ASSERT_TRUE(eventually([&] {
    return run(drive, {"history", "export", drive.path()}).find(",head,read,") != std::string::npos;
  }));
  run(drive, {"profile", "export", drive.path(), "--program", "ca?", "--under", drive.path("d"),
              "--max-age", "1d", "--output", file("p")});
  const auto told = accesses(file("p"));
  ASSERT_FALSE(told.empty());
  for (const auto& line : told) EXPECT_THAT(line, HasSubstr(" cat "));
  const std::string shown = run(drive, {"profile", "show", file("p")});
  EXPECT_THAT(shown, AllOf(HasSubstr("of 1 objects (5 B) in 1 runs"), HasSubstr("cat\n"),
                           HasSubstr("  d/\n"), HasSubstr(", today\n"), Not(HasSubstr("made on"))));
  EXPECT_THAT(refusal(drive, {"profile", "export", drive.path(), "--under", "../x"}),
              HasSubstr("--under: the path has"));
  EXPECT_THAT(refusal(drive, {"profile", "export", drive.path(), "--program", "nobody"}),
              HasSubstr("nothing is known of that"));
}

TEST_F(MountProfile, OneOfAnotherBucketIsTakenWhenItIsMeant) {
  TestMount first;
  first.put("a", "bytes");
  ASSERT_EQ(first.mount().exit_code, 0);
  run(first, {"profile", "record", first.path(), "--source", "-o", file("p"), "--", "cat",
              first.path("a")});
  EXPECT_THAT(run(first, {"profile", "import", first.path(), file("p")}), HasSubstr("imported"));
  EXPECT_THAT(run(first, {"profile", "show", file("p")}), HasSubstr("made on file:///"));
  TestMount second;
  second.put("a", "bytes");
  ASSERT_EQ(second.mount().exit_code, 0);
  EXPECT_THAT(refusal(second, {"profile", "import", second.path(), file("p")}),
              AllOf(HasSubstr("/p: made on file:///"), HasSubstr("--force")));
  EXPECT_FALSE(std::filesystem::exists(second.cache() / "profile.csv.zst"));
  run(second, {"profile", "import", second.path(), file("p"), "--force"});
  EXPECT_TRUE(std::filesystem::exists(second.cache() / "profile.csv.zst"));
}

TEST_F(MountProfile, WhatIsNoProfileIsRefusedAndNothingOfItStays) {
  TestMount drive;
  drive.put("a", "bytes");
  ASSERT_EQ(drive.mount().exit_code, 0);
  const std::string head = "#augurfs-profile 1 rows=2 day=20000\ntime_s,stream,exe,op,path\n";
  directory_.write("absolute", head + "0,1,cat,open,a\n1,1,cat,open,/etc/passwd\n");
  directory_.write("climbs", head + "0,1,cat,open,a\n1,1,cat,open,../../b\n");
  directory_.write("short", head + "0,1,cat,open,a\n");
  directory_.write("newer", "#augurfs-profile 9 x\n");
  directory_.write("text", "hello\n");
  directory_.write("empty", "");
  std::filesystem::resize_file(directory_.write("large", ""), std::uint64_t{2} << 30);
  for (const auto& [name, reason] :
       {std::pair{"absolute", ":4: the path is absolute"}, std::pair{"climbs", ":4: the path has"},
        std::pair{"short", "cut short"}, std::pair{"newer", "of version 9"},
        std::pair{"text", "no profile"}, std::pair{"empty", "no profile"},
        std::pair{"large", "larger than the 4 MiB"}, std::pair{"none", "No such file"}}) {
    EXPECT_THAT(refusal(drive, {"profile", "import", drive.path(), file(name)}),
                AllOf(HasSubstr("augurfs: " + file(name)), HasSubstr(reason)));
  }
  EXPECT_FALSE(std::filesystem::exists(drive.cache() / "profile.csv.zst"));
  EXPECT_THAT(refusal(drive, {"profile", "import", directory_.path(), file("text")}),
              HasSubstr("no mount of yours on"));
}

TEST_F(MountProfile, SeveralBecomeOneWithoutAMount) {
  const Profile a = profile_of({profile_row(0, 1, "cat", "a")});
  const Profile b = profile_of({profile_row(0, 1, "cat", "b")});
  directory_.write("a", pack(a).value());
  directory_.write("b", pack(b).value());
  const TestMount nothing;
  run(nothing, {"profile", "merge", file("a"), file("b"), file("a"), "-o", file("c")});
  EXPECT_EQ(read_file(file("c")), pack(merge(a, b)).value());
  EXPECT_EQ(run(nothing, {"profile", "merge", file("a")}), pack(a).value()) << "standard output";
  directory_.write("bad", "x");
  EXPECT_THAT(refusal(nothing, {"profile", "merge", file("a"), file("bad"), "-o", file("d")}),
              HasSubstr("/bad: no profile"));
  EXPECT_FALSE(std::filesystem::exists(file("d")));
}

TEST_F(MountProfile, WhatIsExcludedHereIsNotLearnedFromThere) {
  directory_.write(
      "p", pack(profile_of({profile_row(0, 1, "cat", "private/a"), profile_row(1, 1, "cat", "b"),
                            profile_row(2, 2, "updatedb", "b")}))
               .value());
  TestMount drive;
  drive.put("b", "bytes");
  ASSERT_EQ(drive.mount({"--set", "history.exclude_paths=private"}).exit_code, 0);
  EXPECT_THAT(run(drive, {"profile", "import", drive.path(), file("p")}),
              HasSubstr("1 accesses imported, 2 excluded"));
}

TEST_F(MountProfile, WithoutAHistoryThereIsNone) {
  TestMount drive;
  drive.put("a", "bytes");
  directory_.write("p", pack(profile_of({profile_row(0, 1, "cat", "a")})).value());
  ASSERT_EQ(drive.mount({"--set", "history.enabled=false"}).exit_code, 0);
  EXPECT_THAT(refusal(drive, {"profile", "import", drive.path(), file("p")}),
              HasSubstr("keeps no history"));
  EXPECT_THAT(refusal(drive, {"profile", "record", drive.path(), "--", "true"}),
              HasSubstr("keeps no history"));
}

}  // namespace
}  // namespace augurfs
