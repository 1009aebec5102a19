#include "predictor/history_csv.h"

#include <gtest/gtest.h>

#include <string>

namespace augurfs {
namespace {

std::string line(const HistoryRow& row, HistoryTime origin = {}) {
  std::string out;
  append_csv(out, row, origin);
  return out;
}

HistoryRow row_of(Operation operation, const std::string& path) {
  HistoryRow row;
  row.time = HistoryTime{1'000'005};
  row.operation = operation;
  row.stream = 3;
  row.program = "/home/somebody/bin/cat";
  row.path = path;
  row.range = {4096, 100};
  row.object_bytes = 5000;
  return row;
}

TEST(HistoryCsv, AReadHasItsPlaceAndAnOpenHasNone) {
  EXPECT_EQ(line(row_of(Operation::kRead, "a/b")), "1.000005,3,cat,read,a/b,4096,100,5000\n");
  EXPECT_EQ(line(row_of(Operation::kOpen, "a/b")), "1.000005,3,cat,open,a/b,,,5000\n");
  EXPECT_EQ(line(row_of(Operation::kStat, "a/b")), "1.000005,3,cat,stat,a/b,,,5000\n");
  EXPECT_EQ(line(row_of(Operation::kList, "")), "1.000005,3,cat,list,/,,,5000\n");
}

TEST(HistoryCsv, TimesCountFromTheOrigin) {
  EXPECT_EQ(line(row_of(Operation::kOpen, "a"), HistoryTime{999'999}),
            "0.000006,3,cat,open,a,,,5000\n");
}

TEST(HistoryCsv, WhoIsNotKnownIsEmpty) {
  HistoryRow row = row_of(Operation::kOpen, "a");
  row.stream = 0;
  row.program.clear();
  EXPECT_EQ(line(row), "1.000005,,,open,a,,,5000\n");
}

TEST(HistoryCsv, WhatWouldBreakALineIsQuoted) {
  EXPECT_EQ(line(row_of(Operation::kOpen, "a,b\"c\nd\xff")),
            "1.000005,3,cat,open,\"a,b\"\"c\nd\xff\",,,5000\n");
}

TEST(HistoryCsv, TheEndOfAReadIsNoAccessOfItsOwn) {
  EXPECT_EQ(line(row_of(Operation::kServed, "a")), "");
}

}  // namespace
}  // namespace augurfs
