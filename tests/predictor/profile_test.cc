#include "predictor/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/profile_rows.h"
#include "support/seeds.h"

namespace augurfs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> paths(const Profile& profile) {
  std::vector<std::string> out;
  for (const HistoryRow& row : profile.rows) out.push_back(row.path);
  return out;
}

TEST(ProfileBuilder, TellsNoTimeOfDayNoStreamAndNoPathOfTheMachine) {
  HistoryRow row =
      profile_row(3600, 0x1234567890, "/home/somebody/bin/cat", "data/d/a", Operation::kRead);
  row.hit = true;
  row.latency = std::chrono::seconds{1};
  const Profile profile = profile_of({row}, {}, "data/");
  ASSERT_EQ(profile.rows.size(), 1U);
  const HistoryRow& kept = profile.rows[0];
  EXPECT_EQ(kept.time.count(), 0);
  EXPECT_EQ(kept.stream, 1U);
  EXPECT_EQ(kept.program, "cat");
  EXPECT_EQ(kept.path, "d/a");
  EXPECT_EQ(kept.range.offset, 10U);
  EXPECT_EQ(kept.range.length, 20U);
  EXPECT_EQ(kept.object_bytes, 100U);
  EXPECT_FALSE(kept.hit);
  EXPECT_EQ(kept.latency.count(), 0);
  EXPECT_EQ(profile.last_day, kProfileDay);
  EXPECT_EQ(profile.source, "");
}

TEST(ProfileBuilder, LeavesOutWhatCouldNotBeInAFile) {
  HistoryRow ahead = profile_row(0, 1, "cat", "p/ahead", Operation::kRead);
  ahead.by_kernel_readahead = true;
  EXPECT_THAT(
      paths(profile_of(
          {profile_row(0, 0, "", "p/of no process"), profile_row(0, 1, "cat", "other/prefix"),
           profile_row(0, 1, "cat", "p/latin\xe9"), profile_row(0, 1, "cat", "p/a//b"),
           profile_row(0, 1, "cat", "p/../b"),
           profile_row(0, 1, "cat", "p/served", Operation::kServed), ahead,
           profile_row(0, 1, "cat", "p/good"), profile_row(0, 1, "cat", "p/", Operation::kList)},
          {}, "p/")),
      ElementsAre("good", ""));
}

TEST(ProfileBuilder, SelectsByProgramDirectoryAgeAndRecording) {
  std::vector<HistoryRow> rows{profile_row(0, 1, "/bin/cat", "d"),
                               profile_row(1, 1, "/bin/cat", "d/a"),
                               profile_row(2, 2, "/usr/bin/python3.11", "d/b"),
                               profile_row(3, 2, "/usr/bin/python3.11", "dd/c"),
                               profile_row(4, 2, "/usr/bin/python3.11", "d/", Operation::kList)};
  rows[1].recorded = true;
  EXPECT_THAT(paths(profile_of(rows, {.programs = "python*"})), ElementsAre("d/b", "dd/c", "d/"));
  EXPECT_THAT(paths(profile_of(rows, {.programs = "dog, cat"})), ElementsAre("d", "d/a"));
  EXPECT_THAT(paths(profile_of(rows, {.programs = "usr"})), IsEmpty());
  EXPECT_THAT(paths(profile_of(rows, {.under = "d"})), ElementsAre("d", "d/a", "d/b", "d/"));
  EXPECT_THAT(paths(profile_of(rows, {.under = "d/"})), ElementsAre("d/a", "d/b", "d/"));
  EXPECT_THAT(paths(profile_of(rows, {.since = rows[3].time})), ElementsAre("dd/c", "d/"));
  EXPECT_THAT(paths(profile_of(rows, {.recorded = true})), ElementsAre("d/a"));
}

TEST(ProfileBuilder, OfTooManyTheNewestStay) {
  ProfileBuilder builder({}, "");
  for (std::size_t i = 0; i < Profile::kRowsMax + 10; ++i) {
    builder.add(profile_row(0, 1, "cat", i < 10 ? "old" : "new"));
  }
  const Profile profile = builder.take();
  EXPECT_EQ(profile.rows.size(), Profile::kRowsMax);
  EXPECT_EQ(profile.rows.front().path, "new");
}

TEST(ProfileBuilder, AClockThatJumpsBackOrFarAheadIsSmoothed) {
  auto rows = std::vector{profile_row(10, 1, "cat", "a"), profile_row(4, 1, "cat", "b"),
                          profile_row(11, 1, "cat", "c"), profile_row(11, 1, "cat", "d")};
  rows[3].time = std::chrono::hours{24 * 365 * 400};
  const Profile profile = profile_of(rows);
  EXPECT_EQ(profile.rows[1].time.count(), 0);
  EXPECT_EQ(profile.rows[2].time, std::chrono::seconds{1});
  EXPECT_EQ(profile.rows[3].time, std::chrono::seconds{1} + std::chrono::hours{24});
}

TEST(ProfilePaths, OnlyOnesThatAreRelativeAndCanBeThereAreGood) {
  const auto good = [](std::string_view path, Operation operation = Operation::kOpen) {
    return fault_of_path(path, operation).empty();
  };
  EXPECT_TRUE(good("a"));
  EXPECT_TRUE(good("a/b..c/.d"));
  EXPECT_TRUE(good("\xe6\x97\xa5/\xf0\x9f\x98\x80"));
  EXPECT_TRUE(good("", Operation::kList));
  EXPECT_TRUE(good("a/", Operation::kList));
  EXPECT_TRUE(good(std::string(255, 'x')));
  for (const std::string bad :
       {"", "/", "/etc/passwd", "..", "../a", "a/../b", "a/..", ".", "a/./b", "a//b", "a/"}) {
    EXPECT_FALSE(good(bad)) << bad;
  }
  for (const std::string bad : {"/", "a", "../", "a//", "./"}) {
    EXPECT_FALSE(good(bad, Operation::kList)) << bad;
  }
  EXPECT_FALSE(good(std::string("a\0b", 3)));
  EXPECT_FALSE(good(std::string(256, 'x')));
  std::string deep;
  for (int i = 0; i < 2048; ++i) deep += "a/";
  EXPECT_FALSE(good(deep + "a"));
}

TEST(ProfilePaths, WhatIsNotUtf8IsNotGood) {
  for (const std::string bad : {"\x80", "a\xff", "\xc0\xaf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
                                "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xf0\x9f\x98"}) {
    EXPECT_EQ(fault_of_path(bad, Operation::kOpen), "is not UTF-8");
    EXPECT_EQ(fault_of_program(bad), "is not UTF-8");
  }
  EXPECT_EQ(fault_of_program("/bin/cat"), "is no name but a path");
  EXPECT_EQ(fault_of_program(""), "");
}

TEST(ProfileMerge, ARunThatIsInBothIsThereOnce) {
  const Profile monday = profile_of(
      {profile_row(0, 5, "a", "x"), profile_row(1, 6, "b", "y"), profile_row(2, 5, "a", "z")});
  Profile tuesday = profile_of({profile_row(100, 1, "a", "x"), profile_row(170, 1, "a", "z"),
                                profile_row(171, 2, "a", "x")});
  tuesday.last_day += std::chrono::days{1};
  const Profile both = merge(tuesday, monday);
  EXPECT_THAT(paths(both), ElementsAre("y", "x", "z", "x"));
  EXPECT_EQ(both.last_day, tuesday.last_day);
  EXPECT_EQ(both.rows[0].time.count(), 0);
  EXPECT_EQ(both.rows[0].stream, 1U);
  EXPECT_EQ(both.rows[1].stream, 2U);
  EXPECT_EQ(both.rows[3].stream, 3U);
  EXPECT_EQ(both.rows[2].time - both.rows[1].time, std::chrono::seconds{70}) << "of the newer";
}

TEST(ProfileMerge, OneThatReadsOtherBytesIsAnotherRun) {
  auto first = profile_row(0, 1, "a", "x", Operation::kRead);
  auto other = first;
  other.range.offset = 11;
  EXPECT_EQ(merge(profile_of({first}), profile_of({other})).rows.size(), 2U);
  EXPECT_EQ(merge(profile_of({first}), profile_of({first})).rows.size(), 1U);
  other = first;
  other.program = "b";
  EXPECT_EQ(merge(profile_of({first}), profile_of({other})).rows.size(), 2U);
}

TEST(ProfileMerge, WithNothingChangesNothing) {
  Profile profile = profile_of({profile_row(5, 3, "a", "x")});
  profile.source = "s3://bucket";
  for (const Profile& merged : {merge(profile, {}), merge({}, profile)}) {
    EXPECT_EQ(lines(merged), lines(profile));
    EXPECT_EQ(merged.last_day, profile.last_day);
    EXPECT_EQ(merged.source, "s3://bucket");
  }
}

TEST(ProfileMerge, TheSourceIsToldWhenItIsOne) {
  Profile a = profile_of({profile_row(5, 3, "a", "x")});
  Profile b = profile_of({profile_row(5, 3, "a", "y")});
  a.source = b.source = "s3://bucket";
  EXPECT_EQ(merge(a, b).source, "s3://bucket");
  b.source = "s3://other";
  EXPECT_EQ(merge(a, b).source, "");
}

TEST(ProfileMerge, HasNoOrderAndTwiceIsOnce) {
  const Seeds tried = seeds(50);
  for (auto seed = tried.first; seed < tried.end(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Profile a = profile_of(random_rows(seed, 1 + seed % 40));
    Profile b = profile_of(random_rows(seed + 1000, 1 + seed % 7));
    b.last_day += std::chrono::days{static_cast<int>(seed % 3)};
    const Profile both = merge(a, b);
    EXPECT_EQ(lines(merge(b, a)), lines(both));
    EXPECT_EQ(lines(merge(a, a)), lines(a));
    EXPECT_EQ(lines(merge(both, a)), lines(both));
    EXPECT_EQ(lines(merge(both, b)), lines(both));
  }
}

TEST(ProfileMerge, OfTooManyTheNewestStayAndTimesStayInBounds) {
  std::vector<HistoryRow> rows;
  for (std::size_t i = 0; i < Profile::kRowsMax; ++i) {
    rows.push_back(profile_row(static_cast<std::int64_t>(i) * 90'000, 1 + i % 3, "a", "old"));
  }
  Profile newer = profile_of({profile_row(0, 1, "a", "new")});
  newer.last_day = kProfileDay + std::chrono::days{1 << 19};
  const Profile both = merge(profile_of(rows), newer);
  EXPECT_EQ(both.rows.size(), Profile::kRowsMax);
  EXPECT_EQ(both.rows.back().path, "new");
  EXPECT_LE(both.rows.back().time, std::chrono::seconds{9'000'000'000}) << "what a trace may say";
}

TEST(Profile, GetsPrefixesAndTimes) {
  Profile profile =
      profile_of({profile_row(0, 1, "a", "x"), profile_row(8, 1, "a", "", Operation::kList)});
  EXPECT_THAT(paths(with_prefix(profile, "p/q/")), ElementsAre("p/q/x", "p/q/"));
  give_wall_times(profile);
  EXPECT_EQ(profile.rows[1].time, HistoryTime{kProfileDay.time_since_epoch()});
  EXPECT_EQ(profile.rows[1].time - profile.rows[0].time, std::chrono::seconds{8});
}

}  // namespace
}  // namespace augurfs
