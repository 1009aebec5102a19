#include "predictor/exclusions.h"

#include <gtest/gtest.h>

#include <string>

namespace augurfs {
namespace {

TEST(Exclusions, NoneExcludeNothing) {
  const Exclusions none;
  EXPECT_FALSE(none.program("/usr/bin/updatedb"));
  EXPECT_FALSE(none.path("a/b"));
  const Exclusions empty(" , ,", ",/,");
  EXPECT_FALSE(empty.program(""));
  EXPECT_FALSE(empty.path("a"));
}

TEST(Exclusions, AProgramIsKnownByItsNameWhereverItLies) {
  const Exclusions exclusions("updatedb*, baloo_file", "");
  EXPECT_TRUE(exclusions.program("/usr/bin/updatedb.plocate"));
  EXPECT_TRUE(exclusions.program("/opt/x/baloo_file"));
  EXPECT_TRUE(exclusions.program("updatedb"));
  EXPECT_FALSE(exclusions.program("/updatedb/cat"));
  EXPECT_FALSE(exclusions.program("/usr/bin/baloo_files"));
}

TEST(Exclusions, APathIsExcludedWithAllThatIsBelowIt) {
  const Exclusions exclusions("", "private/,home/*/mail,a b");
  EXPECT_TRUE(exclusions.path("private"));
  EXPECT_TRUE(exclusions.path("private/"));
  EXPECT_TRUE(exclusions.path("private/deep/er"));
  EXPECT_TRUE(exclusions.path("home/x/mail/1"));
  EXPECT_TRUE(exclusions.path("a b/c"));
  EXPECT_FALSE(exclusions.path("home/x/mails/1"));
  EXPECT_FALSE(exclusions.path("privately"));
  EXPECT_FALSE(exclusions.path(""));
}

TEST(Exclusions, APatternWithoutASlashCountsForEveryName) {
  const Exclusions exclusions("", "*.key,secret");
  EXPECT_TRUE(exclusions.path("a/b.key"));
  EXPECT_TRUE(exclusions.path("a/secret/b"));
  EXPECT_FALSE(exclusions.path("a/secrets/b"));
  EXPECT_FALSE(Exclusions("", "x/secret").path("a/x/secret"));
}

TEST(Exclusions, BytesThatAreNoTextMatchNothingButThemselves) {
  const Exclusions exclusions("", "\xff*");
  EXPECT_FALSE(exclusions.path("a/\xfe\xff"));
  EXPECT_FALSE(exclusions.path(std::string(4096, 'a')));
}

TEST(Exclusions, AListingIsToldWithoutWhatIsExcluded) {
  auto listing = std::make_shared<Listing>();
  for (const char* key : {"bucket/d/a", "bucket/d/key.pem"}) {
    listing->objects.push_back({{key, "", 1}, {}});
  }
  listing->prefixes = {"bucket/d/private/", "bucket/d/public/"};
  const auto rest = Exclusions("", "private, *.pem").without_excluded(listing, 7);
  ASSERT_EQ(rest->objects.size(), 1U);
  EXPECT_EQ(rest->objects.front().version.key, "bucket/d/a");
  EXPECT_EQ(rest->prefixes, std::vector<std::string>{"bucket/d/public/"});
  EXPECT_EQ(Exclusions().without_excluded(listing, 7), listing);
}

}  // namespace
}  // namespace augurfs
