#include "fs/config_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "fs/option_table.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

std::string refusal(std::string_view text) {
  Options options = default_options();
  const auto applied = apply_config(text, "a.toml", options);
  if (applied) return "";
  EXPECT_EQ(applied.error().code, ErrorCode::kInvalid);
  return applied.error().message;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(ConfigFile, SetsWhatItSaysAndLeavesTheRest) {
  Options options = default_options();
  const auto applied = apply_config(R"(
# a comment
remote.region = "eu-central-1"
[cache]
size = "20 GiB"
chunk_size = 65536
[mount]
allow_other = true
uid = 1000
gid = "auto"
file_mode = 0o640
directory_mode = "0750"
[metadata]
ttl = "5 min"
)",
                                    "a.toml", options);
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(options.remote.region, "eu-central-1");
  EXPECT_EQ(options.cache.size.bytes, 20ULL << 30);
  EXPECT_EQ(options.cache.chunk_size, 65536U);
  EXPECT_TRUE(options.mount.allow_other);
  EXPECT_EQ(options.mount.uid, 1000U);
  EXPECT_FALSE(options.mount.gid);
  EXPECT_EQ(options.mount.file_mode, 0640U);
  EXPECT_EQ(options.mount.directory_mode, 0750U);
  EXPECT_EQ(options.metadata.ttl, std::chrono::minutes(5));
  EXPECT_EQ(options.mount.threads, 128);
}

TEST(ConfigFile, AnEmptyFileIsRight) {
  EXPECT_EQ(refusal(""), "");
  EXPECT_EQ(refusal("\n# nothing\n[cache]\n"), "");
  EXPECT_EQ(refusal("\xef\xbb\xbf[cache]\r\nsize = '10%'\r\n"), "");
}

TEST(ConfigFile, AnUnknownKeyNamesLineColumnAndTheNearest) {
  EXPECT_EQ(refusal("[cache]\nsize = '10%'\n  sise = 1\n"),
            "a.toml:3:3: 'cache.sise' is not an option; the nearest is cache.size");
  EXPECT_TRUE(contains(refusal("[cache]\nendpoint = 'x'\n"), "nearest is remote.endpoint"));
}

TEST(ConfigFile, AnUnknownSectionNamesTheNearest) {
  EXPECT_EQ(refusal("\n[cahce]\nsize = '10%'\n"),
            "a.toml:2:2: 'cahce' is not a section; the nearest is [cache]");
  EXPECT_TRUE(contains(refusal("[[caches]]\n"), "'caches' is not a section"));
  EXPECT_TRUE(contains(refusal("[cache.size]\n"), "a.toml:1:1: cache.size wants"));
  EXPECT_TRUE(contains(refusal("[cache.more]\n"), "'cache.more' is not an option"));
}

TEST(ConfigFile, AKeyOutsideASectionIsToldWhereItBelongs) {
  EXPECT_TRUE(contains(refusal("size = '10%'\n"), "a.toml:1:1: "));
  EXPECT_TRUE(contains(refusal("size = '10%'\n"), "cache.size"));
  EXPECT_TRUE(contains(refusal("\"cache.size\" = '10%'\n"), "without quotes"));
}

TEST(ConfigFile, ASectionIsNoValueAndNoList) {
  EXPECT_TRUE(contains(refusal("cache = '10%'\n"), "a.toml:1:1: 'cache' is a section"));
  EXPECT_TRUE(contains(refusal("[[cache]]\nsize = '10%'\n"), "'cache' is a section"));
}

TEST(ConfigFile, ABadValueNamesLineColumnAndWhatIsWanted) {
  EXPECT_EQ(refusal("[remote]\nmax_connections = 0\n"),
            "a.toml:2:19: remote.max_connections wants a whole number from 1 to 1024, not '0'");
  EXPECT_TRUE(contains(refusal("[cache]\nsize = 'lots'\n"), "a.toml:2:8: cache.size wants a size"));
  EXPECT_TRUE(contains(refusal("[cache]\nsize = -1\n"), "not '-1'"));
  EXPECT_TRUE(contains(refusal("[mount]\nfile_mode = 0o1777\n"), "'1777'"));
  EXPECT_TRUE(contains(refusal("[mount]\nread_only = false\n"), "writing is not there yet"));
}

TEST(ConfigFile, TheWrongTypeIsRefusedWithWhatWasFound) {
  const auto refuses = [](std::string_view text, std::string_view found) {
    const std::string message = refusal(text);
    EXPECT_TRUE(message.ends_with(", not " + std::string(found))) << text << ": " << message;
  };
  refuses("[mount]\nallow_other = 'true'\n", "a string");
  refuses("[mount]\nallow_other = 1\n", "a number");
  refuses("[mount]\nuid = '1000'\n", "a string");
  refuses("[mount]\nuid = true\n", "true or false");
  refuses("[mount]\nuid = 1.5\n", "a number with decimals");
  refuses("[mount]\nuid = [1]\n", "a list");
  refuses("[mount]\nuid = {a = 1}\n", "a section");
  refuses("[metadata]\nttl = 60\n", "a number");
  refuses("[metadata]\nttl = 10:00:00\n", "a time");
  refuses("[metadata]\nttl = 2024-01-01\n", "a date");
  refuses("[metadata]\nttl = 2024-01-01T10:00:00\n", "a date and time");
  refuses("[prefetch]\nmode = true\n", "true or false");
  refuses("[remote]\nregion = 1\n", "a number");
}

TEST(ConfigFile, PermissionsWrittenInDecimalAreRefused) {
  // 644 would be 01204.
  EXPECT_TRUE(contains(refusal("[mount]\nfile_mode = 644\n"), "mount.file_mode wants octal"));
  EXPECT_TRUE(contains(refusal("[mount]\nfile_mode = 0x1a4\n"), "mount.file_mode wants octal"));
}

TEST(ConfigFile, ADuplicateIsRefused) {
  const std::string key = refusal("[mount]\nuid = 1\nuid = 2\n");
  EXPECT_TRUE(key.starts_with("a.toml:3:")) << key;
  EXPECT_TRUE(contains(key, "uid")) << key;
  const std::string section = refusal("[mount]\nuid = 1\n[mount]\ngid = 2\n");
  EXPECT_TRUE(section.starts_with("a.toml:3:")) << section;
}

TEST(ConfigFile, WhatIsNotTomlNamesTheLine) {
  const std::string message = refusal("[cache]\nsize = 20 GiB\n");
  EXPECT_TRUE(message.starts_with("a.toml:2:")) << message;
  EXPECT_TRUE(contains(message, "text stands in quotes")) << message;
  // What the parser quotes from the file stays on its line.
  EXPECT_FALSE(contains(refusal("[cache]\nsize = tr\n"), "\n"));
  EXPECT_TRUE(refusal("[cache\n").starts_with("a.toml:1:"));
  EXPECT_TRUE(refusal("[cache]\nsize = \"10%\n").starts_with("a.toml:2:"));
  EXPECT_TRUE(refusal(std::string_view("[cache]\n\0\n", 10)).starts_with("a.toml:2:"));
  EXPECT_TRUE(refusal("\xff\xfe").starts_with("a.toml:1:"));
  EXPECT_TRUE(refusal(std::string(100'000, '[')).starts_with("a.toml:1:"));
  EXPECT_TRUE(refusal("a = " + std::string(100'000, '[')).starts_with("a.toml:1:"));
  EXPECT_TRUE(refusal("a = " + std::string(100'000, '{')).starts_with("a.toml:1:"));
}

TEST(ConfigFile, EverythingThatIsWrongIsNamedInOrder) {
  const std::string message = refusal("[mount]\nuid = -1\ngid = -1\n[cache]\nsise = 1\n");
  EXPECT_TRUE(message.starts_with("a.toml:2:7: mount.uid wants")) << message;
  EXPECT_TRUE(contains(message, "\na.toml:3:7: mount.gid wants")) << message;
  EXPECT_TRUE(contains(message, "\na.toml:5:1: 'cache.sise'")) << message;
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 2);
}

TEST(ConfigFile, NobodyIsShownAThousandErrors) {
  std::string text = "[mount]\n";
  for (int i = 0; i < 1000; ++i) text += "k" + std::to_string(i) + " = 1\n";
  const std::string message = refusal(text);
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 20);
  EXPECT_TRUE(message.ends_with("and 980 more"));
}

TEST(ConfigFile, CredentialsAreRefusedAndNotRepeated) {
  const std::string message =
      refusal("[remote]\nsecret_access_key = 'hush'\naccess_key = 'psst'\n");
  EXPECT_TRUE(contains(message, "a.toml:2:1: 'remote.secret_access_key'"));
  EXPECT_TRUE(contains(message, "~/.aws/credentials"));
  EXPECT_FALSE(contains(message, "hush"));
  EXPECT_FALSE(contains(message, "psst"));
  EXPECT_FALSE(contains(refusal("[remote]\nendpoint = 'http://a:hush@b'\n"), "hush"));
}

std::string refusal_of(const std::filesystem::path& file) {
  Options options = default_options();
  const auto applied = apply_config_file(file, options);
  return applied ? "" : applied.error().message;
}

TEST(ConfigFile, AFileThatCannotBeReadSaysWhy) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(contains(refusal_of(directory.path()), "is a directory"));
  EXPECT_TRUE(contains(refusal_of(directory.path() / "none"), "No such file"));
  const auto pipe = directory.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_TRUE(contains(refusal_of(pipe), "not an ordinary file"));
  EXPECT_TRUE(contains(refusal_of("/dev/zero"), "bigger than 1 MiB"));
  EXPECT_EQ(refusal_of("/dev/null"), "");
  const auto loop = directory.path() / "loop";
  std::filesystem::create_symlink(loop, loop);
  EXPECT_TRUE(contains(refusal_of(loop), loop.string()));
}

TEST(ConfigFile, AFileWithoutPermissionSaysSo) {
  const TemporaryDirectory directory;
  const auto file = directory.write("a.toml", "");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  // Root may read everything, so it has to be somebody else for a moment.
  constexpr uid_t kNobody = 65534;
  const uid_t self = ::geteuid();
  ASSERT_EQ(self == 0 ? ::seteuid(kNobody) : 0, 0);
  const std::string message = refusal_of(file);
  Options options;
  const bool passed_over = apply_first_config_file({file}, options).has_value();
  ASSERT_EQ(::seteuid(self), 0);
  EXPECT_TRUE(contains(message, "Permission denied")) << message;
  EXPECT_FALSE(passed_over);
}

TEST(ConfigFile, OfSeveralFilesTheFirstThatIsThereCounts) {
  const TemporaryDirectory directory;
  const auto first = directory.write("first.toml", "[mount]\nuid = 1\n");
  const auto second = directory.write("second.toml", "[mount]\nuid = 2\ngid = 2\n");
  Options options = default_options();
  EXPECT_TRUE(apply_first_config_file({directory.path() / "none", first, second}, options));
  EXPECT_EQ(options.mount.uid, 1U);
  EXPECT_FALSE(options.mount.gid);
  EXPECT_TRUE(apply_first_config_file({directory.path() / "none"}, options));
  EXPECT_TRUE(apply_first_config_file({first / "below-a-file"}, options));
  EXPECT_TRUE(apply_first_config_file({}, options));
  // One that is there but cannot be read is not passed over.
  EXPECT_FALSE(apply_first_config_file({directory.path(), second}, options));
}

}  // namespace
}  // namespace augurfs
