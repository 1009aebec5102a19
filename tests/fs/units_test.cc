#include "fs/units.h"

#include <gtest/gtest.h>

#include <limits>

namespace augurfs {
namespace {

using std::chrono::milliseconds;

TEST(Units, ASizeIsANumberWithAUnit) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("1 B"), 1U);
  EXPECT_EQ(parse_size("512K"), 512U << 10);
  EXPECT_EQ(parse_size("512M"), 512U << 20);
  EXPECT_EQ(parse_size("20 GiB"), 20ULL << 30);
  EXPECT_EQ(parse_size("20GiB"), 20ULL << 30);
  EXPECT_EQ(parse_size("2T"), 2ULL << 40);
  EXPECT_EQ(parse_size("2 PiB"), 2ULL << 50);
  EXPECT_EQ(parse_size("500 MB"), 500'000'000U);
  EXPECT_EQ(parse_size("3 kB"), 3000U);
}

TEST(Units, CaseDoesNotMatter) {
  EXPECT_EQ(parse_size("20 gib"), 20ULL << 30);
  EXPECT_EQ(parse_size("20 GIB"), 20ULL << 30);
  EXPECT_EQ(parse_duration("30 S"), milliseconds(30'000));
  EXPECT_EQ(parse_boolean("TRUE"), true);
}

TEST(Units, ASizeMayHaveThreeDecimals) {
  EXPECT_EQ(parse_size("1.5 GiB"), 3ULL << 29);
  EXPECT_EQ(parse_size("0.125K"), 128U);
  EXPECT_EQ(parse_size("1.500K"), 1536U);
  EXPECT_EQ(parse_size("1.2345K"), std::nullopt);
  EXPECT_EQ(parse_size("1."), std::nullopt);
  EXPECT_EQ(parse_size(".5K"), std::nullopt);
  EXPECT_EQ(parse_size("1.5.5K"), std::nullopt);
}

TEST(Units, WhatIsNoSizeIsRefused) {
  for (const auto* text : {"", " ", "x", "-1", "+1", "1 ", " 1", "1 X", "1 GiBs", "1 G B", "1e3",
                           "0x10", "1,5 G", "10%", "inf", "nan", "1\t", "1\nG", "GiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(Units, ASizeThatDoesNotFitIsRefused) {
  EXPECT_EQ(parse_size("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_size("18446744073709551616"), std::nullopt);
  EXPECT_EQ(parse_size("16383 PiB"), 16383ULL << 50);
  EXPECT_EQ(parse_size("16384 PiB"), std::nullopt);
  EXPECT_EQ(parse_size("16383.999 PiB"), (16383ULL << 50) + (1ULL << 50) * 999 / 1000);
  EXPECT_EQ(parse_size("99999999999999999999999 K"), std::nullopt);
}

TEST(Units, AShareIsAPercentage) {
  EXPECT_DOUBLE_EQ(parse_size_or_share("10%")->share, .1);
  EXPECT_DOUBLE_EQ(parse_size_or_share("0.5 %")->share, .005);
  EXPECT_DOUBLE_EQ(parse_size_or_share("100%")->share, 1);
  EXPECT_EQ(parse_size_or_share("20 GiB")->share, 0);
  EXPECT_EQ(parse_size_or_share("20 GiB")->bytes, 20ULL << 30);
  for (const auto* text : {"101%", "100.001%", "-1%", "%", "10%%", "10 % %", "x"}) {
    EXPECT_FALSE(parse_size_or_share(text)) << text;
  }
}

TEST(Units, ADurationAlwaysHasAUnit) {
  EXPECT_EQ(parse_duration("250 ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("30s"), milliseconds(30'000));
  EXPECT_EQ(parse_duration("5 min"), milliseconds(300'000));
  EXPECT_EQ(parse_duration("1.5 h"), milliseconds(5'400'000));
  EXPECT_EQ(parse_duration("2 d"), milliseconds(172'800'000));
  EXPECT_EQ(parse_duration("0 s"), milliseconds(0));
  // "5 m" is a guess between minutes and milliseconds that nobody should make.
  for (const auto* text : {"", "0", "30", "5 m", "-1 s", "1 s 2", "s", "1e3 s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_duration("18446744073709551615 ms"), std::nullopt);
  EXPECT_EQ(parse_duration("18446744073709551615 d"), std::nullopt);
}

TEST(Units, AModeIsOctal) {
  EXPECT_EQ(parse_mode("0644"), 0644U);
  EXPECT_EQ(parse_mode("644"), 0644U);
  EXPECT_EQ(parse_mode("0o755"), 0755U);
  EXPECT_EQ(parse_mode("0"), 0U);
  EXPECT_EQ(parse_mode("0777"), 0777U);
  for (const auto* text : {"", "0o", "1000", "4755", "8", "0x1ff", "-1", "rw-r--r--", "0644 "}) {
    EXPECT_EQ(parse_mode(text), std::nullopt) << text;
  }
}

TEST(Units, ABooleanIsOneOfEightWords) {
  for (const auto* text : {"true", "yes", "on", "1"}) EXPECT_EQ(parse_boolean(text), true);
  for (const auto* text : {"false", "no", "off", "0"}) EXPECT_EQ(parse_boolean(text), false);
  for (const auto* text : {"", "2", "y", "truee", "auto"}) {
    EXPECT_EQ(parse_boolean(text), std::nullopt) << text;
  }
}

TEST(Units, WhatIsFormattedParsesToTheSame) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1000), "1000 B");
  EXPECT_EQ(format_size(64ULL << 20), "64 MiB");
  EXPECT_EQ(format_size(1536), "1536 B");
  EXPECT_EQ(format_duration(milliseconds(0)), "0 s");
  EXPECT_EQ(format_duration(milliseconds(250)), "250 ms");
  EXPECT_EQ(format_duration(milliseconds(30'000)), "30 s");
  EXPECT_EQ(format_duration(milliseconds(90'000)), "90 s");
  EXPECT_EQ(format_duration(milliseconds(86'400'000)), "1 d");
  for (const std::uint64_t bytes : {1ULL, 4096ULL, (1ULL << 60) + 1, ~0ULL}) {
    EXPECT_EQ(parse_size(format_size(bytes)), bytes);
    const milliseconds duration(static_cast<milliseconds::rep>(bytes >> 2));
    EXPECT_EQ(parse_duration(format_duration(duration)), duration);
  }
}

}  // namespace
}  // namespace augurfs
