#include "predictor/profile_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zstd.h>

#include <fstream>
#include <random>

#include "predictor/history.h"
#include "predictor/trace.h"
#include "support/profile_rows.h"
#include "support/seeds.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kColumns = "time_s,stream,exe,op,path,offset,bytes,object_bytes\n";

std::string text_with(const std::string& rows, int count) {
  return "#augurfs-profile 1 rows=" + std::to_string(count) + " day=20000\n" + kColumns + rows;
}

std::string refusal(std::string_view bytes) {
  const auto profile = unpack(bytes, "f");
  return profile ? "taken" : profile.error().message;
}

std::string refusal_of_path(const std::string& path, const std::string& operation = "open") {
  return refusal(text_with("0.5,1,cat," + operation + "," + path + ",,,5\n", 1));
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

TEST(ProfileFile, KeepsAllThatIsInAProfile) {
  const Seeds tried = seeds(50);
  for (auto seed = tried.first; seed < tried.end(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Profile profile = profile_of(random_rows(seed, seed % 60));
    if (seed % 2 == 0) profile.source = "s3://bucket/a prefix";
    const auto packed = pack(profile);
    ASSERT_TRUE(packed);
    const auto back = unpack(*packed, "f");
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(lines(*back), lines(profile));
    EXPECT_EQ(back->last_day, profile.last_day);
    EXPECT_EQ(back->source, profile.source);
    EXPECT_EQ(pack(*back).value(), *packed);
  }
}

TEST(ProfileFile, IsATrace) {
  const TemporaryDirectory directory;
  const auto packed = pack(profile_of({profile_row(0, 9, "/bin/cat", "a, b")}));
  auto reader = TraceReader::open(directory.write("t", packed.value()));
  ASSERT_TRUE(reader) << reader.error().message;
  TraceLine line;
  ASSERT_TRUE((*reader)->next(line).value());
  EXPECT_EQ(line.path, "a, b");
  EXPECT_EQ((*reader)->program(), "cat");
  EXPECT_FALSE((*reader)->next(line).value());
}

TEST(ProfileFile, MayBeWrittenByHand) {
  const auto profile = unpack(
      text_with("0.25,x,cat,open,d/a,,,5\n2.5,x,cat,read,d/a,1,4,5\n3,y,,list,/,,,\n", 3), "f");
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_THAT(lines(*profile),
              testing::ElementsAre("0 1 cat 0 d/a 0+0 5", "2250000 1 cat 1 d/a 1+4 5",
                                   "2750000 2  5  0+0 0"));
}

TEST(ProfileFile, APathThatLeadsOutIsRefusedWithItsPlace) {
  EXPECT_EQ(refusal_of_path("/etc/passwd"),
            "f:3: the path is absolute, and not relative to a mount");
  EXPECT_THAT(refusal_of_path("a/../../b"), AllOf(StartsWith("f:3: "), HasSubstr("\"..\"")));
  EXPECT_THAT(refusal_of_path(".."), HasSubstr("\"..\""));
  EXPECT_THAT(refusal_of_path("../", "list"), HasSubstr("\"..\""));
  EXPECT_THAT(refusal_of_path("a//b"), HasSubstr("empty name"));
  EXPECT_THAT(refusal_of_path("a\xff"), HasSubstr("is not UTF-8"));
  EXPECT_THAT(refusal_of_path(std::string(5000, 'x')), HasSubstr("longer than 4095 bytes"));
  EXPECT_EQ(refusal_of_path("a"), "taken");
  EXPECT_EQ(refusal_of_path("/", "list"), "taken");
}

TEST(ProfileFile, WhatIsNoAccessIsRefusedWithItsPlace) {
  EXPECT_EQ(refusal(text_with("0,1,/bin/cat,open,a,,,5\n", 1)),
            "f:3: the program is no name but a path");
  EXPECT_EQ(refusal(text_with("0,,cat,open,a,,,5\n", 1)), "f:3: the stream is missing");
  EXPECT_EQ(refusal(text_with("0,1,cat,release,a,,,5\n", 1)), "f:3: the op is none of a profile");
  EXPECT_THAT(refusal(text_with("0,1,cat,write,a,,,5\n", 1)), StartsWith("f:3: column 4 (op)"));
  EXPECT_THAT(refusal(text_with("x,1,cat,open,a,,,5\n", 1)), StartsWith("f:3: column 1 (time_s)"));
}

TEST(ProfileFile, AnotherFileIsNoProfile) {
  EXPECT_THAT(refusal("#!/bin/sh\n"), HasSubstr("f: no profile"));
  EXPECT_THAT(refusal(""), HasSubstr("f: no profile"));
  EXPECT_THAT(refusal(kColumns), HasSubstr("f: no profile"));
  EXPECT_THAT(refusal(std::string(100'000, 'x')), HasSubstr("f: no profile"));
  EXPECT_THAT(refusal("#augurfs-profile x\n"), HasSubstr("makes no sense"));
  EXPECT_THAT(refusal("#augurfs-profile 1 rows=-1 day=1\n"), HasSubstr("makes no sense"));
  EXPECT_THAT(refusal("#augurfs-profile 1 rows=0 day=99999999\n"), HasSubstr("makes no sense"));
  EXPECT_THAT(refusal("#augurfs-profile 1 rows=0 day=1 source=\x1b[2J\n"),
              HasSubstr("makes no sense"));
}

TEST(ProfileFile, OneOfANewerVersionIsRefusedWhateverItIs) {
  EXPECT_THAT(refusal("#augurfs-profile 2 {\"something\":\"else\"}\nmore"),
              AllOf(HasSubstr("version 2"), HasSubstr("newer augurfs")));
}

TEST(ProfileFile, OneThatIsCutShortOrDamagedAnywhereIsRefused) {
  const std::string whole = pack(profile_of(random_rows(1, 30))).value();
  ASSERT_EQ(refusal(whole), "taken");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_NE(refusal(whole.substr(0, i)), "taken") << i;
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    const auto back = unpack(damaged, "f");
    // A bit that says nothing about the content is nobody's loss.
    if (back) {
      EXPECT_EQ(lines(*back), lines(unpack(whole, "f").value())) << i;
    }
  }
  EXPECT_THAT(refusal(whole + "more"), StartsWith("f: "));
  EXPECT_THAT(refusal(text_with("0,1,cat,open,a,,,5\n", 2)), HasSubstr("was cut short"));
}

TEST(ProfileFile, ABombIsLeftAloneAfterItsBound) {
  // 100 MiB of each kind that could keep a reader busy.
  const std::size_t bytes = 100 << 20;
  EXPECT_THAT(refusal(zstd(text_with(std::string(bytes, '\n'), 0))), HasSubstr("more, unpacked"));
  EXPECT_THAT(refusal(zstd(text_with(std::string(bytes, 'x'), 1))), StartsWith("f"));
  EXPECT_THAT(refusal(zstd(text_with("\"" + std::string(bytes, '\n'), 1))), StartsWith("f"));
  std::string rows;
  for (int i = 0; i < 70'000; ++i) rows += "0,1,c,open,a,,,\n";
  EXPECT_THAT(refusal(text_with(rows, 70'000)), HasSubstr("one access more than the 65536"));
  EXPECT_THAT(refusal(text_with("0,1,cat,open,a,,,5\n", 2'000'000'000)), HasSubstr("cut short"))
      << "a count is believed when it is true";
}

TEST(ProfileFile, WhatDoesNotFitIsTheOldest) {
  std::vector<HistoryRow> rows;
  std::mt19937 random(1);
  for (int i = 0; i < 4000; ++i) {
    rows.push_back(profile_row(i, 1, "cat", std::to_string(random()) + std::to_string(i)));
  }
  const auto packed = pack(profile_of(rows), 16 << 10);
  ASSERT_TRUE(packed);
  EXPECT_LE(packed->size(), 16U << 10U);
  const auto profile = unpack(*packed, "f");
  ASSERT_TRUE(profile);
  EXPECT_GE(profile->rows.size(), 500U);
  EXPECT_EQ(profile->rows.back().path, rows.back().path);
  EXPECT_EQ(profile->rows.front().time.count(), 0);
  EXPECT_EQ(pack(profile_of(rows), 10).error().code, ErrorCode::kNoSpace);
}

TEST(ProfileFile, PathsOfAnyLengthFit) {
  std::vector<HistoryRow> rows;
  std::string deep;
  for (int i = 0; i < 15; ++i) deep += std::string(250, 'x') + "/";
  for (std::size_t i = 0; i < 20'000; ++i) {
    rows.push_back(profile_row(0, 1, "cat", deep + std::to_string(i)));
  }
  const auto packed = pack(profile_of(rows));
  ASSERT_TRUE(packed);
  const auto back = unpack(*packed, "f");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_GT(back->rows.size(), 4000U);
}

class ImportTest : public testing::Test {
 protected:
  std::unique_ptr<History> open(std::uint64_t profile_bytes_max = kProfileBytesMax) {
    auto history = History::open({.file = directory_.path() / kHistoryFile,
                                  .bytes_max = 8 << 20,
                                  .profile_bytes_max = profile_bytes_max,
                                  .background = false});
    if (!history) throw std::runtime_error(history.error().message);
    return std::move(*history);
  }
  std::filesystem::path file() const { return directory_.path() / kProfileFile; }

  TemporaryDirectory directory_;
};

TEST_F(ImportTest, ExportImportExportIsTheSame) {
  const Seeds tried = seeds(30);
  for (auto seed = tried.first; seed < tried.end(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const TemporaryDirectory directory;
    const Profile exported = profile_of(random_rows(seed, 1 + seed % 50));
    auto history = History::open({.file = directory.path() / kHistoryFile,
                                  .profile_bytes_max = kProfileBytesMax,
                                  .background = false});
    ASSERT_TRUE(history);
    ASSERT_TRUE((*history)->import(with_prefix(exported, "data/")));
    Profile kept = (*history)->imported();
    give_wall_times(kept);
    const Profile again = profile_of(kept.rows, {}, "data/");
    EXPECT_EQ(pack(again).value(), pack(exported).value());
  }
}

TEST_F(ImportTest, IsKeptAndJoinedWithTheNext) {
  const Profile a = profile_of({profile_row(0, 1, "cat", "a")});
  const Profile b = profile_of({profile_row(9, 1, "cat", "b")});
  ASSERT_TRUE(open()->import(a));
  ASSERT_TRUE(open()->import(b));
  ASSERT_TRUE(open()->import(a));
  EXPECT_EQ(lines(open()->imported()), lines(merge(a, b)));
}

TEST_F(ImportTest, IsBoundedAndTouchesNothingSeenHere) {
  auto history = open(16 << 10);
  Event event;
  event.time = std::chrono::steady_clock::now();
  event.stream = 1;
  history->add(event, "own", "/bin/cat");
  std::vector<HistoryRow> rows;
  std::mt19937 random(1);
  for (int i = 0; i < 4000; ++i) {
    rows.push_back(profile_row(i, 1, "cat", std::to_string(random()) + std::to_string(i)));
  }
  ASSERT_TRUE(history->import(profile_of(rows)));
  EXPECT_LE(std::filesystem::file_size(file()), 16U << 10U);
  EXPECT_EQ(history->summary().value().events, 1U);
  history.reset();
  EXPECT_EQ(open(0)->import(profile_of(rows)).error().code, ErrorCode::kNoSpace);
}

TEST_F(ImportTest, AfterAnErrorAllIsAsBefore) {
  const Profile a = profile_of({profile_row(0, 1, "cat", "a")});
  ASSERT_TRUE(open()->import(a));
  // No path may be as long as this with its prefix.
  EXPECT_FALSE(open()->import(with_prefix(a, std::string(5000, 'x') + "/")));
  EXPECT_EQ(lines(open()->imported()), lines(a));
}

TEST_F(ImportTest, AKeptOneThatIsDamagedIsSetAside) {
  ASSERT_TRUE(open()->import(profile_of({profile_row(0, 1, "cat", "a")})));
  std::ofstream(file()) << "garbage";
  auto history = open();
  EXPECT_TRUE(history->imported().rows.empty());
  EXPECT_TRUE(std::filesystem::exists(file().string() + ".aside"));
  ASSERT_TRUE(history->import(profile_of({profile_row(0, 1, "cat", "b")})));
  EXPECT_EQ(history->imported().rows.size(), 1U);
}

TEST_F(ImportTest, IsWipedWithTheRest) {
  auto history = open();
  std::ofstream(file().string() + ".aside") << "older";
  ASSERT_TRUE(history->import(profile_of({profile_row(0, 1, "cat", "a")})));
  ASSERT_TRUE(history->wipe());
  EXPECT_TRUE(history->imported().rows.empty());
  EXPECT_FALSE(std::filesystem::exists(file()));
  EXPECT_FALSE(std::filesystem::exists(file().string() + ".aside"));
}

}  // namespace
}  // namespace augurfs
