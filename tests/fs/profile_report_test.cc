#include "fs/profile_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/profile_rows.h"

namespace augurfs {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ProfileText, SaysOfWhatOfWhomAndHowOld) {
  Profile profile =
      profile_of({profile_row(0, 1, "/bin/cat", "d/a"), profile_row(1, 1, "/bin/cat", "d/a"),
                  profile_row(2, 2, "", "b"), profile_row(3, 2, "", "", Operation::kList)});
  profile.source = "s3://bucket/p";
  EXPECT_EQ(profile_text(profile, kProfileDay + std::chrono::days{3}),
            "4 accesses of 2 objects (200 B) in 2 runs of programs\n"
            "last on 2024-10-04, 3 days ago\n"
            "made on s3://bucket/p\n"
            "accesses by program\n"
            "           2  (unknown)\n"
            "           2  cat\n"
            "accesses by directory\n"
            "           2  /\n"
            "           2  d/\n");
  EXPECT_EQ(profile_text({}, kProfileDay), "the profile is empty\n");
}

TEST(ProfileText, StrangersDoNotWriteToTheTerminal) {
  Profile profile = profile_of({profile_row(0, 1, "c\x1b[2Jat", "d\n/\x7f")});
  const std::string text = profile_text(profile, kProfileDay);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("c?[2Jat"));
  EXPECT_THAT(text, HasSubstr("  d?/\n"));
}

TEST(ProfileText, OfManyTheFirstAreNamed) {
  std::vector<HistoryRow> rows;
  for (int i = 0; i < 30; ++i) rows.push_back(profile_row(i, 1, "cat", std::to_string(i) + "/a"));
  EXPECT_THAT(profile_text(profile_of(rows), kProfileDay), HasSubstr("          20  more\n"));
}

}  // namespace
}  // namespace augurfs
