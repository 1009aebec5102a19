#include "predictor/history_table.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

constexpr std::uint64_t kBytesMax = 8 << 20;

HistoryRow row_of(std::int64_t time, const std::string& path, std::uint64_t stream = 77) {
  HistoryRow row;
  row.time = HistoryTime{time};
  row.operation = Operation::kRead;
  row.stream = stream;
  row.program = "/usr/bin/cat";
  row.path = path;
  row.range = {10, 20};
  row.object_bytes = 30;
  return row;
}

class HistoryTableTest : public testing::Test {
 protected:
  HistoryTable open(std::uint64_t bytes_max = kBytesMax) {
    auto table = HistoryTable::open(file_, bytes_max);
    if (!table) throw std::runtime_error(table.error().message);
    return std::move(*table);
  }
  static std::vector<HistoryRow> all(HistoryTable& table, std::size_t rows_max = 1'000'000) {
    std::vector<HistoryRow> rows;
    HistoryCursor cursor;
    while (true) {
      auto page = table.read(cursor, rows_max);
      EXPECT_TRUE(page);
      if (!page || page->empty()) return rows;
      rows.insert(rows.end(), page->begin(), page->end());
    }
  }
  // What a file that is no history becomes: another, usable one.
  void begins_afresh() {
    {
      HistoryTable table = open();
      EXPECT_TRUE(all(table).empty());
      ASSERT_TRUE(table.append(std::vector{row_of(1, "new")}));
    }
    EXPECT_TRUE(stdfs::exists(directory_.path() / "history.db.aside"));
    HistoryTable table = open();
    EXPECT_EQ(all(table).size(), 1U);
  }

  TemporaryDirectory directory_;
  stdfs::path file_ = directory_.path() / "history.db";
};

TEST_F(HistoryTableTest, WhatIsAppendedIsReadBackInItsOrder) {
  const std::vector<Operation> operations{Operation::kOpen, Operation::kRead, Operation::kServed,
                                          Operation::kStat, Operation::kList};
  {
    HistoryTable table = open();
    std::vector<HistoryRow> rows;
    for (std::size_t i = 0; i < operations.size(); ++i) {
      rows.push_back(row_of(100 + static_cast<std::int64_t>(i), "path" + std::to_string(i % 2)));
      rows.back().operation = operations[i];
      rows.back().hit = i % 2 == 0;
      rows.back().by_kernel_readahead = i == 1;
      rows.back().latency = std::chrono::nanoseconds{i};
    }
    ASSERT_TRUE(table.append(rows));
  }
  HistoryTable table = open();
  const auto rows = all(table, 2);
  ASSERT_EQ(rows.size(), operations.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].operation, operations[i]);
    EXPECT_EQ(rows[i].time.count(), 100 + static_cast<std::int64_t>(i));
    EXPECT_EQ(rows[i].path, "path" + std::to_string(i % 2));
    EXPECT_EQ(rows[i].program, "/usr/bin/cat");
    EXPECT_EQ(rows[i].stream, 1U) << "streams are numbered";
    EXPECT_EQ(rows[i].hit, i % 2 == 0);
    EXPECT_EQ(rows[i].by_kernel_readahead, i == 1);
    EXPECT_EQ(rows[i].latency.count(), static_cast<std::int64_t>(i));
    EXPECT_EQ(rows[i].range.offset, 10U);
    EXPECT_EQ(rows[i].range.length, 20U);
    EXPECT_EQ(rows[i].object_bytes, 30U);
  }
  EXPECT_EQ(table.last()->count(), 104);
}

TEST_F(HistoryTableTest, NamesMayBeLongAndAnyBytes) {
  HistoryTable table = open();
  std::string bytes = "a\xff\xfe,\"\n";
  bytes += '\0';
  const std::string long_one(4096, '\xe9');
  ASSERT_TRUE(table.append(std::vector{row_of(1, bytes), row_of(2, long_one), row_of(3, "")}));
  const auto rows = all(table);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].path, bytes);
  EXPECT_EQ(rows[1].path, long_one);
  EXPECT_EQ(rows[2].path, "");
}

TEST_F(HistoryTableTest, WhoIsNotKnownStaysUnknown) {
  HistoryTable table = open();
  HistoryRow nobody = row_of(1, "a", 0);
  nobody.program.clear();
  HistoryRow nameless = row_of(2, "a", ~std::uint64_t{0});
  nameless.program.clear();
  ASSERT_TRUE(table.append(std::vector{nobody, nameless}));
  const auto rows = all(table);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].stream, 0U);
  EXPECT_EQ(rows[1].stream, 1U);
  EXPECT_EQ(rows[1].program, "");
}

TEST_F(HistoryTableTest, IsForItsUserAlone) {
  std::ofstream(file_).close();
  ::chmod(file_.c_str(), 0666);
  HistoryTable table = open();
  ASSERT_TRUE(table.append(std::vector{row_of(1, "a")}));
  for (const auto& entry : stdfs::directory_iterator(directory_.path())) {
    EXPECT_EQ(entry.status().permissions(), stdfs::perms::owner_read | stdfs::perms::owner_write)
        << entry.path();
  }
}

TEST_F(HistoryTableTest, NeverOccupiesMoreThanItsBound) {
  constexpr std::uint64_t kSmall = HistoryTable::kBytesMin;
  HistoryTable table = open(kSmall);
  std::int64_t time = 0;
  for (int batch = 0; batch < 60; ++batch) {
    std::vector<HistoryRow> rows;
    for (int i = 0; i < 100; ++i) {
      ++time;
      rows.push_back(row_of(time, std::to_string(time) + std::string(1500, 'x')));
    }
    ASSERT_TRUE(table.append(rows));
    std::uint64_t bytes = 0;
    for (const auto& entry : stdfs::directory_iterator(directory_.path())) {
      bytes += entry.file_size();
    }
    ASSERT_LE(bytes, kSmall);
  }
  const auto rows = all(table);
  ASSERT_FALSE(rows.empty());
  EXPECT_GT(rows.front().time.count(), 1) << "the oldest are gone";
  EXPECT_EQ(rows.back().time.count(), time) << "the newest are there";
  EXPECT_EQ(table.summary()->objects, rows.size()) << "names without events are gone";
}

TEST_F(HistoryTableTest, ABoundThatWasSetLowerIsKept) {
  {
    HistoryTable table = open(64 << 20);
    for (int batch = 0; batch < 10; ++batch) {
      std::vector<HistoryRow> rows;
      for (int i = 0; i < 500; ++i) {
        rows.push_back(row_of(i, std::to_string(batch * 500 + i) + std::string(2000, 'x')));
      }
      ASSERT_TRUE(table.append(rows));
    }
  }
  ASSERT_GT(stdfs::file_size(file_), HistoryTable::kBytesMin);
  HistoryTable table = open(HistoryTable::kBytesMin);
  EXPECT_LT(table.summary()->bytes, HistoryTable::kBytesMin);
  EXPECT_GT(table.summary()->events, 0U);
  ASSERT_TRUE(table.append(std::vector{row_of(1, "a")}));
}

TEST_F(HistoryTableTest, ForgetsWhatIsTooOld) {
  HistoryTable table = open();
  ASSERT_TRUE(table.append(std::vector{row_of(10, "a"), row_of(20, "b"), row_of(30, "b")}));
  ASSERT_TRUE(table.forget_before(HistoryTime{20}));
  EXPECT_EQ(all(table).size(), 2U);
  EXPECT_EQ(table.summary()->objects, 1U);
  ASSERT_TRUE(table.forget_before(HistoryTime{100}));
  EXPECT_EQ(table.summary()->events, 0U);
  EXPECT_EQ(table.summary()->streams, 0U);
}

TEST_F(HistoryTableTest, SummarizesWhatItHolds) {
  HistoryTable table = open();
  std::vector<HistoryRow> rows{row_of(10, "a", 1), row_of(20, "b", 2), row_of(30, "b", 2)};
  rows[0].program = "/usr/bin/grep";
  ASSERT_TRUE(table.append(rows));
  const auto summary = table.summary();
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->events, 3U);
  EXPECT_EQ(summary->objects, 2U);
  EXPECT_EQ(summary->streams, 2U);
  EXPECT_EQ(summary->first.count(), 10);
  EXPECT_EQ(summary->last.count(), 30);
  ASSERT_EQ(summary->programs.size(), 2U);
  EXPECT_EQ(summary->programs[0].path, "/usr/bin/cat");
  EXPECT_EQ(summary->programs[0].events, 2U);
}

TEST_F(HistoryTableTest, ADamagedFileIsSetAside) {
  std::ofstream(file_) << std::string(10'000, 'x');
  begins_afresh();
}

TEST_F(HistoryTableTest, AFileOfANewerVersionIsSetAside) {
  {
    auto database = Sqlite::open(file_);
    ASSERT_TRUE(database && database->execute("PRAGMA application_id=0x61756768"));
    ASSERT_TRUE(database->execute("PRAGMA user_version=99"));
  }
  begins_afresh();
}

TEST_F(HistoryTableTest, ADatabaseOfAnotherApplicationIsSetAside) {
  {
    auto database = Sqlite::open(file_);
    ASSERT_TRUE(database && database->execute("CREATE TABLE events (a)"));
  }
  begins_afresh();
}

TEST_F(HistoryTableTest, ADirectoryOrALinkInItsPlaceIsSetAside) {
  stdfs::create_directories(file_ / "x");
  begins_afresh();
  stdfs::remove(file_);
  const auto other = directory_.write("other", "keep me");
  stdfs::create_symlink(other, file_);
  {
    HistoryTable table = open();
    ASSERT_TRUE(table.append(std::vector{row_of(1, "a")}));
  }
  EXPECT_EQ(stdfs::file_size(other), 7U) << "it was written through the link";
}

TEST_F(HistoryTableTest, AFileOfSomeoneElseIsSetAside) {
  if (::geteuid() != 0) {  // only root can give files away; to others root's is someone else's
    EXPECT_FALSE(HistoryTable::open("/proc/version", kBytesMax));
    return;
  }
  { open(); }
  ASSERT_EQ(::chown(file_.c_str(), 12345, 12345), 0);
  begins_afresh();
}

TEST_F(HistoryTableTest, RemovingItLeavesNothingBehind) {
  std::ofstream(file_) << "damaged";
  {
    HistoryTable table = open();
    ASSERT_TRUE(table.append(std::vector{row_of(1, "a")}));
  }
  ASSERT_TRUE(HistoryTable::remove(file_));
  EXPECT_TRUE(stdfs::is_empty(directory_.path()));
  EXPECT_TRUE(HistoryTable::remove(file_)) << "when there is nothing";
}

}  // namespace
}  // namespace augurfs
