#include "predictor/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

using testing::HasSubstr;

std::string zstd_packed(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1));
  return packed;
}

std::string gzip_packed(const TemporaryDirectory& directory, const std::string& text) {
  const auto path = directory.path() / "packed.gz";
  gzFile file = ::gzopen(path.c_str(), "wb");
  ::gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  ::gzclose(file);
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Read {
  std::vector<TraceLine> lines;
  std::string error;
  std::uint64_t skipped = 0;
};

Read read_all(const std::string& contents, bool skip_bad = false) {
  const TemporaryDirectory directory;
  Read read;
  auto reader = TraceReader::open(directory.write("t.csv", contents), skip_bad);
  if (!reader) {
    read.error = reader.error().message;
    return read;
  }
  TraceLine line;
  while (true) {
    const auto more = (*reader)->next(line);
    if (!more) read.error = more.error().message;
    if (!more || !*more) break;
    read.lines.push_back(line);
  }
  read.skipped = (*reader)->skipped();
  return read;
}

TEST(Trace, AFirstLineWithANumberSignIsPassedOver) {
  EXPECT_EQ(read_all("#what it is, and of whom\npath\na\n").lines.size(), 1U);
  EXPECT_EQ(read_all("#one\npath\n#a\n").lines.size(), 1U) << "of the others it is a name";
  EXPECT_EQ(read_all("#one\n#two\npath\n").error.find("path") == std::string::npos, false);
  EXPECT_NE(read_all("#one\n").error, "");
}

TEST(Trace, ColumnsAreFoundByTheirNamesInAnyOrder) {
  const Read read = read_all(
      "op,unknown,path,object_bytes,offset,bytes,time_s,stream,exe\n"
      "stat,x,a/b,100,,,1.5,7,/bin/cat\n"
      ",,c,100,10,20,1731261905.402568877,7,/bin/cat\n");
  ASSERT_EQ(read.error, "");
  ASSERT_EQ(read.lines.size(), 2U);
  EXPECT_EQ(read.lines[0].operation, Operation::kStat);
  EXPECT_EQ(read.lines[0].path, "a/b");
  EXPECT_EQ(read.lines[0].time, std::chrono::milliseconds(1500));
  EXPECT_FALSE(read.lines[0].bytes);
  const TraceLine& line = read.lines[1];
  EXPECT_EQ(line.operation, Operation::kRead);
  EXPECT_EQ(line.offset, 10U);
  EXPECT_EQ(line.bytes, 20U);
  EXPECT_EQ(line.object_bytes, 100U);
  EXPECT_EQ(line.time, std::chrono::nanoseconds(1731261905402568877));
  EXPECT_EQ(line.stream, read.lines[0].stream);
  EXPECT_NE(line.stream, 0U);
  EXPECT_NE(line.stream, line.program);
}

TEST(Trace, OnlyThePathIsNeeded) {
  const Read read = read_all("path\nx\n\ny");
  ASSERT_EQ(read.lines.size(), 2U);
  EXPECT_EQ(read.lines[1].path, "y");
  EXPECT_FALSE(read.lines[0].time);
  EXPECT_EQ(read.lines[0].stream, 0U);
  EXPECT_EQ(read.lines[0].offset, 0U);
}

TEST(Trace, PathsMayHoldCommasQuotesLineBreaksAndAnyByte) {
  const Read read = read_all(
      "path,bytes\r\n\"a,b\",1\r\n\"say \"\"hi\"\"\nthere\",2\r\n\xff\xfe,3\r\n\"\"\"\",4\r\n");
  ASSERT_EQ(read.error, "");
  ASSERT_EQ(read.lines.size(), 4U);
  EXPECT_EQ(read.lines[0].path, "a,b");
  EXPECT_EQ(read.lines[1].path, "say \"hi\"\nthere");
  EXPECT_EQ(read.lines[1].bytes, 2U);
  EXPECT_EQ(read.lines[2].path, "\xff\xfe");
  EXPECT_EQ(read.lines[3].path, "\"");
}

TEST(Trace, IsTheSamePlainAndPacked) {
  const TemporaryDirectory directory;
  std::string text = "path,offset\n";
  for (int i = 0; i < 50'000; ++i)
    text += "d/" + std::to_string(i) + "," + std::to_string(i) + "\n";
  const std::string half = text.substr(0, text.size() / 2);
  const std::string rest = text.substr(text.size() / 2);
  for (const auto& contents : {text, zstd_packed(text), zstd_packed(half) + zstd_packed(rest),
                               gzip_packed(directory, text),
                               gzip_packed(directory, half) + gzip_packed(directory, rest)}) {
    const Read read = read_all(contents);
    ASSERT_EQ(read.error, "");
    ASSERT_EQ(read.lines.size(), 50'000U);
    EXPECT_EQ(read.lines.back().path, "d/49999");
    EXPECT_EQ(read.lines.back().offset, 49'999U);
  }
}

TEST(Trace, APackedFileThatIsDamagedOrCutShortIsAnError) {
  const TemporaryDirectory directory;
  std::string text = "path\n";
  for (int i = 0; i < 5000; ++i) text += std::to_string(i * 7919 % 5003) + "\n";
  for (const auto& packed : {zstd_packed(text), gzip_packed(directory, text)}) {
    EXPECT_NE(read_all(packed.substr(0, packed.size() / 2)).error, "");
    std::string damaged = packed;
    for (std::size_t i = 20; i < 60; ++i) damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    EXPECT_NE(read_all(damaged).error, "");
  }
}

TEST(Trace, ABadLineIsNamedByFileLineColumnAndReason) {
  const struct {
    const char* contents;
    const char* place;
    const char* reason;
  } kCases[] = {
      {"", "t.csv:1: ", "not even a header"},
      {"time_s,stream\n1,2\n", "t.csv:1: ", "no column \"path\""},
      {"path,path\nx,y\n", "t.csv:1: column 2", "\"path\" stands in the header twice"},
      {"path,bytes\nx,1\ny,-1\n", "t.csv:3: column 2 (bytes)", "\"-1\" is not a whole number"},
      {"path,bytes\nx,99999999999999999999\n", "t.csv:2: column 2 (bytes)", "whole number"},
      {"path,offset\nx,1.5\n", "t.csv:2: column 2 (offset)", "whole number"},
      {"path,op\nx,write\n", "t.csv:2: column 2 (op)", "\"write\" is none of"},
      {"path,time_s\nx,soon\n", "t.csv:2: column 2 (time_s)", "not a time"},
      {"path,time_s\nx,-1\n", "t.csv:2: column 2 (time_s)", "not a time"},
      {"path,time_s\nx,1e3\n", "t.csv:2: column 2 (time_s)", "not a time"},
      {"path,time_s\nx,99999999999\n", "t.csv:2: column 2 (time_s)", "not a time"},
      {"path,time_s\nx,1\ny,\n", "t.csv:3: column 2 (time_s)", "no time"},
      {"path,time_s\nx,\ny,1\n", "t.csv:3: column 2 (time_s)", "a time, where"},
      {"op,path\nread,\n", "t.csv:2: column 2 (path)", "no path"},
      {"op,path\nread\n", "t.csv:2: column 2 (path)", "no path"},
      {"path,offset,object_bytes\nx,11,10\n", "t.csv:2: column 2 (offset)", "behind the end"},
      {"path\n\"x\n", "t.csv:2: column 1 (path)", "not closed"},
      {"path,op\n\"x\"y,read\n", "t.csv:2: column 1 (path)", "behind a quoted"},
      {"path,op\nx\"y,read\n", "t.csv:2: column 1 (path)", "does not begin with one"},
      {"path,op\n\"a\nb\",read\nc,bad\n", "t.csv:4: column 2 (op)", "none of"},
  };
  for (const auto& test : kCases) {
    const Read read = read_all(test.contents);
    EXPECT_THAT(read.error, HasSubstr(test.place)) << test.contents;
    EXPECT_THAT(read.error, HasSubstr(test.reason)) << test.contents;
    EXPECT_EQ(read.error.find('\n'), std::string::npos);
  }
  EXPECT_THAT(read_all("path\n" + std::string(100'000, 'x') + "\ny\n").error,
              HasSubstr("longer than"));
}

TEST(Trace, BadLinesAreCountedWhenTheyAreToBeSkipped) {
  const Read read = read_all(
      "path,bytes\nx,1\ny,?\n" + std::string(300'000, 'z') + "\nz,2\n\"never closed,3\n", true);
  EXPECT_EQ(read.error, "");
  ASSERT_EQ(read.lines.size(), 2U);
  EXPECT_EQ(read.lines[1].path, "z");
  EXPECT_EQ(read.skipped, 3U);
}

TEST(Trace, AForgottenQuoteSwallowsNoMoreThanALongLine) {
  std::string text = "path,bytes\n\"oops,1\n";
  for (int i = 0; i < 100'000; ++i) text += "x,1\n";
  const Read read = read_all(text, true);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.skipped, 1U);
  EXPECT_GT(read.lines.size(), 80'000U);
}

TEST(Trace, AFileThatIsNotThereIsNamed) {
  const auto reader = TraceReader::open("/nowhere/t.csv");
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().message, HasSubstr("/nowhere/t.csv: No such file"));
}

}  // namespace
}  // namespace augurfs
