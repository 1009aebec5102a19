#include "cache/sqlite.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "support/temporary_directory.h"

namespace augurfs {
namespace {

class SqliteTest : public testing::Test {
 protected:
  TemporaryDirectory temporary_;
  const std::filesystem::path path_ = temporary_.path() / "test.db";
};

TEST_F(SqliteTest, ReturnsAnyBytesAsTheyWereBound) {
  auto database = Sqlite::open(path_);
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->execute("CREATE TABLE t (a INTEGER, b BLOB)"));
  const std::string odd("\0\xff'\n", 4);
  auto put = database->prepare("INSERT INTO t VALUES (?, ?)");
  ASSERT_TRUE(put);
  ASSERT_TRUE(put->run({std::int64_t{-1}, std::string_view(odd)}));
  ASSERT_TRUE(put->run({std::int64_t{2}, std::string_view()}));
  auto query = database->prepare("SELECT a, b FROM t ORDER BY a");
  std::vector<std::pair<std::int64_t, std::string>> rows;
  ASSERT_TRUE(query->each({}, [&](const SqliteRow& row) {
    rows.emplace_back(row.integer(0), row.blob(1));
    return true;
  }));
  const std::vector<std::pair<std::int64_t, std::string>> expected{{-1, odd}, {2, ""}};
  EXPECT_EQ(rows, expected);
}

TEST_F(SqliteTest, DoesAllOfATransactionOrNothing) {
  auto database = Sqlite::open(path_);
  ASSERT_TRUE(database->execute("CREATE TABLE t (a INTEGER)"));
  const auto failed = database->transaction([&]() -> Result<void> {
    if (auto done = database->execute("INSERT INTO t VALUES (1)"); !done) return done;
    return Error{ErrorCode::kCancelled, "changed my mind"};
  });
  EXPECT_EQ(failed.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(database->integer("SELECT count(*) FROM t").value(), 0);
}

TEST_F(SqliteTest, CallsWhatIsNoDatabaseCorrupt) {
  std::ofstream(path_) << std::string(8192, 'x');
  const auto database = Sqlite::open(path_);
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().code, ErrorCode::kCorrupt);
}

TEST_F(SqliteTest, CallsTablesThatAreNotThereCorrupt) {
  auto database = Sqlite::open(path_);
  const auto statement = database->prepare("SELECT a FROM missing");
  ASSERT_FALSE(statement);
  EXPECT_EQ(statement.error().code, ErrorCode::kCorrupt);
}

TEST_F(SqliteTest, AnswersAPathThatCannotBeOpenedWithAnError) {
  const auto database = Sqlite::open(temporary_.path() / "missing" / "test.db");
  ASSERT_FALSE(database);
  EXPECT_EQ(database.error().code, ErrorCode::kUnavailable);
}

TEST_F(SqliteTest, BoundsTheWriteAheadLog) {
  auto database = Sqlite::open(path_);
  ASSERT_TRUE(database->execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)"));
  auto put = database->prepare("INSERT INTO t (b) VALUES (randomblob(2000))");
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(put->run({}));
  EXPECT_LE(std::filesystem::file_size(path_.string() + "-wal"),
            (Sqlite::kWalPages + 16U) * (Sqlite::kPageBytes + 32U));
}

}  // namespace
}  // namespace augurfs
