#include "remote/percent_encoding.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

TEST(PercentEncoding, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(percent_encode(" +%/?&=#:@"), "%20%2B%25%2F%3F%26%3D%23%3A%40");
  EXPECT_EQ(percent_encode("h\xC3\xA9"), "h%C3%A9");
  EXPECT_EQ(percent_encode(std::string_view("\0\n\xFF", 3)), "%00%0A%FF");
}

TEST(PercentEncoding, KeepsEverySlashOfAPath) {
  EXPECT_EQ(percent_encode_path("/a//b c/"), "/a//b%20c/");
}

TEST(PercentEncoding, DecodesWhatItEncoded) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_decode(percent_encode_path(all)), all);
}

TEST(PercentEncoding, DecodesAPlusAsASpaceAndEitherCaseOfHexDigits) {
  EXPECT_EQ(percent_decode("a+b%2Bc%c3%A9"), "a b+c\xC3\xA9");
}

TEST(PercentEncoding, RefusesAPercentSignWithoutItsDigits) {
  for (const char* bad : {"%", "a%4", "%zz", "%-1", "% 1", "%4g"}) {
    EXPECT_FALSE(percent_decode(bad)) << bad;
  }
}

}  // namespace
}  // namespace augurfs
