// What a mount says of a file's chunks, and of prefetching as a whole.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "remote/unique_fd.h"
#include "support/eventually.h"
#include "support/mount.h"

namespace augurfs {
namespace {

using testing::HasSubstr;

class MountedExplain : public testing::Test {
 protected:
  ProgramResult mount(const std::string& setting = "prefetch.mode=on") {
    return drive_.mount({"--set", "prefetch.brain=false", "--set", setting});
  }
  nlohmann::json explain(const std::string& name) const {
    const ProgramResult said = drive_.augurfs({"explain", drive_.path(name), "--json"});
    EXPECT_EQ(said.exit_code, 0) << said.errors;
    return nlohmann::json::parse(said.output, nullptr, false);
  }
  std::string refused(const std::filesystem::path& path) const {
    const ProgramResult said = drive_.augurfs({"explain", path});
    EXPECT_EQ(said.exit_code, 1) << said.output;
    return said.errors;
  }

  TestMount drive_{"round_trip_ms=5"};
};

TEST_F(MountedExplain, WhatWasFetchedAheadIsToldWithItsExpert) {
  drive_.put("d/large", some_bytes(3 << 20));
  ASSERT_EQ(mount().exit_code, 0);
  EXPECT_THAT(drive_.augurfs({"explain", drive_.path("d/large")}).output, HasSubstr("not seen"));
  read_file(drive_.path("d/large"));
  ASSERT_TRUE(eventually([&] { return explain("d/large")["cached_chunks"] == 12; }));
  const auto said = explain("d/large");
  EXPECT_EQ(said["key"], "d/large");
  EXPECT_EQ(said["cached_bytes"], 3 << 20);
  EXPECT_EQ(said["forgotten_chunks"], 0);
  bool prefetched = false;
  std::uint64_t told = 0;
  for (const auto& range : said["ranges"]) {
    EXPECT_EQ(range["state"], "cached");
    told +=
        range["last_chunk"].get<std::uint64_t>() - range["first_chunk"].get<std::uint64_t>() + 1;
    if (!range["prefetched"].get<bool>()) continue;
    prefetched = true;
    EXPECT_EQ(range["expert"], "readahead");
    EXPECT_EQ(range["probability"], 1);
    EXPECT_THAT(range["outcome"].get<std::string>(), testing::AnyOf("used", "late"));
  }
  EXPECT_TRUE(prefetched);
  EXPECT_EQ(told, 12U);
}

TEST_F(MountedExplain, WhatAnEarlierMountCachedIsSaidToBeCached) {
  drive_.put("file", "bytes");
  ASSERT_EQ(mount("prefetch.mode=off").exit_code, 0);
  read_file(drive_.path("file"));
  ASSERT_TRUE(eventually([&] { return explain("file")["cached_chunks"] == 1; }));
  EXPECT_THAT(drive_.augurfs({"explain", drive_.path("file")}).output,
              HasSubstr("chunk 0         fetched when it was asked for; cached\n"));
  ASSERT_EQ(drive_.unmount().exit_code, 0);
  ASSERT_EQ(mount().exit_code, 0);
  EXPECT_EQ(explain("file")["cached_chunks"], 1);
  EXPECT_EQ(explain("file")["forgotten_chunks"], 1);
}

TEST_F(MountedExplain, InShadowNothingIsFetchedAheadAndTheReportGivesAVerdict) {
  for (const char* name : {"a", "b", "c"}) drive_.put(name, some_bytes(6 << 20));
  ASSERT_EQ(mount("prefetch.mode=shadow").exit_code, 0);
  EXPECT_THAT(drive_.augurfs({"status", drive_.path()}).output, HasSubstr("(shadow)"));
  EXPECT_TRUE(read_file(drive_.path("a")) == some_bytes(6 << 20));
  const auto report = [&] {
    return nlohmann::json::parse(
        drive_.augurfs({"prefetch", "report", drive_.path(), "--json"}).output);
  };
  ASSERT_TRUE(eventually([&] {
    const auto said = report();
    return said.contains("shadow") && said["shadow"]["waited_seconds"] > 0 &&
           said["shadow"]["total"]["fetched_bytes"] > 0;
  }));
  EXPECT_TRUE(report()["lines"].empty());
  EXPECT_EQ(report()["shadow"]["lines"][0]["name"], "readahead");
  EXPECT_EQ(drive_.status("prefetch", "bytes"), 0U);
  EXPECT_THAT(drive_.augurfs({"prefetch", "report", drive_.path()}).output,
              HasSubstr("verdict: programs waited"));
  const auto explained = explain("a");
  for (const auto& range : explained["ranges"]) EXPECT_EQ(range["prefetched"], false);

  ASSERT_EQ(drive_.augurfs({"prefetch", "on", drive_.path()}).exit_code, 0);
  EXPECT_TRUE(read_file(drive_.path("b")) == some_bytes(6 << 20));
  ASSERT_TRUE(eventually([&] { return drive_.status("prefetch", "bytes") > 0; }));
  ASSERT_EQ(drive_.augurfs({"prefetch", "shadow", drive_.path()}).exit_code, 0);
  EXPECT_THAT(drive_.augurfs({"status", drive_.path()}).output, HasSubstr("(shadow)"));
  EXPECT_TRUE(read_file(drive_.path("c")) == some_bytes(6 << 20));
  EXPECT_FALSE(report()["lines"].empty());
}

TEST_F(MountedExplain, WhatCannotBeExplainedIsToldWhy) {
  drive_.put("d/file", "bytes");
  EXPECT_THAT(refused(drive_.source("d/file")), HasSubstr("is on no mount of augurfs"));
  ASSERT_EQ(mount().exit_code, 0);
  EXPECT_THAT(refused(drive_.path("absent")), HasSubstr("absent: no such file"));
  EXPECT_THAT(refused(drive_.path("d")), HasSubstr("d: is a directory; name a file"));
  EXPECT_THAT(refused(""), HasSubstr("empty"));
  std::filesystem::create_symlink(drive_.path("d/file"), drive_.source("../link"));
  EXPECT_EQ(drive_.augurfs({"explain", drive_.source("../link")}).exit_code, 0) << "links lead";
  drive_.kill_daemon();
  EXPECT_THAT(refused(drive_.path("d/file")),
              testing::AnyOf(HasSubstr("has ended"), HasSubstr("no such file")));
}

}  // namespace
}  // namespace augurfs
