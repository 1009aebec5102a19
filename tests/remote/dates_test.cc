#include "remote/dates.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

TEST(Dates, ReadsAnHttpDate) {
  EXPECT_EQ(parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT"), sys_seconds{seconds{1445412480}});
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), sys_seconds{});
}

TEST(Dates, ReadsAnIsoDateAndDropsTheFraction) {
  EXPECT_EQ(parse_iso_date("2015-10-21T07:28:00Z"), sys_seconds{seconds{1445412480}});
  EXPECT_EQ(parse_iso_date("2015-10-21T07:28:00.999Z"), sys_seconds{seconds{1445412480}});
  EXPECT_EQ(parse_iso_date("2016-02-29T23:59:59.123456789Z"), sys_seconds{seconds{1456790399}});
}

TEST(Dates, RefusesWhatIsNoDate) {
  for (const char* bad : {"", "yesterday", "Wed, 21 Oct 2015 07:28:00 CET",
                          "Wed, 21 anF 2015 07:28:00 GMT", "Wed, 32 Oct 2015 07:28:00 GMT",
                          "Wed, -1 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 25:28:00 GMT"}) {
    EXPECT_FALSE(parse_http_date(bad)) << bad;
  }
  for (const char* bad : {"", "2015-10-21", "2015-10-21T07:28:00", "2015-10-21T07:28:00+01:00",
                          "2015-02-29T00:00:00Z", "2015-10-21T24:28:00Z", "2015-10-21T07:28:00.Z",
                          "2015-10-21T07:28:00.x1Z", "x015-10-21T07:28:00Z"}) {
    EXPECT_FALSE(parse_iso_date(bad)) << bad;
  }
}

TEST(Dates, WritesWhatSigV4SignsAndWhatAPersonReads) {
  EXPECT_EQ(to_basic_date(sys_seconds{seconds{1445412480}}), "20151021T072800Z");
  EXPECT_EQ(to_readable_date(sys_seconds{seconds{1445412480}}), "2015-10-21 07:28:00 UTC");
}

}  // namespace
}  // namespace augurfs
