#include "fs/history_command.h"

#include <gtest/gtest.h>

#include <string>

namespace augurfs {
namespace {

HistoryRow row_of(std::int64_t time) {
  HistoryRow row;
  row.time = HistoryTime{time};
  row.operation = Operation::kOpen;
  row.path = "a";
  return row;
}

TEST(HistoryText, SaysHowMuchOfWhenAndOfWhom) {
  HistorySummary summary;
  EXPECT_EQ(history_text(summary), "the history is empty\n");
  summary.events = 12;
  summary.objects = 3;
  summary.streams = 2;
  summary.bytes = 2 << 20;
  summary.first = HistoryTime{std::chrono::hours{24 * 365}};
  summary.last = summary.first + std::chrono::minutes{90};
  summary.programs = {{"/usr/bin/cat", 11}};
  EXPECT_EQ(history_text(summary),
            "12 events of 3 objects in 2 streams, 2.0 MiB\n"
            "from 1971-01-01 00:00 to 1971-01-01 01:30 UTC\n"
            "          11  /usr/bin/cat\n");
}

TEST(HistoryPage, TheLastOneSaysSo) {
  const auto page = history_page({}, [](HistoryCursor& cursor, std::size_t) {
    cursor = {1, HistoryTime{5}};
    return Result<std::vector<HistoryRow>>(std::vector{row_of(5)});
  });
  ASSERT_TRUE(page);
  EXPECT_EQ(*page, "end\n0.000000,,,open,a,,,0\n");
}

TEST(HistoryPage, AFullOneSaysWhereItGoesOn) {
  const auto page = history_page({7, HistoryTime{3}}, [](HistoryCursor& cursor, std::size_t max) {
    EXPECT_EQ(cursor.after, 7);
    cursor.after = 99;
    return Result<std::vector<HistoryRow>>(std::vector<HistoryRow>(max, row_of(4)));
  });
  ASSERT_TRUE(page);
  EXPECT_EQ(page->substr(0, page->find("\n0.000001,,,open,a")), "99 3");
}

TEST(HistoryPage, AnErrorIsTold) {
  const auto page = history_page({}, [](HistoryCursor&, std::size_t) {
    return Result<std::vector<HistoryRow>>(Error{ErrorCode::kCorrupt, "damaged"});
  });
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().message, "damaged");
}

}  // namespace
}  // namespace augurfs
