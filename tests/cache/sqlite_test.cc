#include "cache/sqlite.h"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <span>
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

constexpr std::int64_t kApplicationId = 0x74657374;
constexpr const char* kFirst = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)";
constexpr const char* kSecond = "ALTER TABLE t ADD COLUMN b INTEGER; UPDATE t SET b = 10 * a";
constexpr const char* kThird = "CREATE TABLE sums AS SELECT sum(b) AS s FROM t";

TEST_F(SqliteTest, LeadsAnOlderSchemaToTodaysWithWhatItHolds) {
  const std::array all{kFirst, kSecond, kThird};
  for (const std::size_t known : {1U, 2U, 3U}) {
    auto database = Sqlite::open(path_);
    ASSERT_TRUE(database);
    const auto done = database->migrate(kApplicationId, std::span(all).first(known));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(database->integer("PRAGMA user_version").value(), static_cast<std::int64_t>(known));
    EXPECT_EQ(database->integer("SELECT count(*) FROM t").value(), 2) << "no step is done twice";
  }
  auto database = Sqlite::open(path_);
  EXPECT_EQ(database->integer("SELECT s FROM sums").value(), 30);
  // Two steps at once come to the same.
  auto at_once = Sqlite::open(temporary_.path() / "other.db");
  ASSERT_TRUE(at_once->migrate(kApplicationId, std::span(all).first(1)));
  ASSERT_TRUE(at_once->execute("INSERT INTO t VALUES (3)"));
  ASSERT_TRUE(at_once->migrate(kApplicationId, all));
  EXPECT_EQ(at_once->integer("SELECT s FROM sums").value(), 60);
  EXPECT_EQ(at_once->integer("PRAGMA user_version").value(), 3);
}

TEST_F(SqliteTest, AMigrationThatBreaksOffLeavesTheOldSchemaWhole) {
  constexpr const char* kBreaksOff =
      "CREATE TABLE sums (s INTEGER); INSERT INTO missing VALUES (1)";
  {
    auto database = Sqlite::open(path_);
    ASSERT_TRUE(database->migrate(kApplicationId, std::array{kFirst}));
    EXPECT_FALSE(database->migrate(kApplicationId, std::array{kFirst, kSecond, kBreaksOff}));
  }
  auto database = Sqlite::open(path_);
  EXPECT_EQ(database->integer("PRAGMA user_version").value(), 1);
  EXPECT_EQ(database->integer("SELECT count(*) FROM pragma_table_info('t')").value(), 1);
  EXPECT_EQ(database->integer("SELECT count(*) FROM sqlite_schema").value(), 1);
  // And can be led on by a version that does it right.
  ASSERT_TRUE(database->migrate(kApplicationId, std::array{kFirst, kSecond, kThird}));
  EXPECT_EQ(database->integer("SELECT s FROM sums").value(), 30);
}

TEST_F(SqliteTest, AFirstMigrationThatBreaksOffLeavesAnEmptyDatabase) {
  auto database = Sqlite::open(path_);
  EXPECT_FALSE(database->migrate(kApplicationId, std::array{kFirst, "no SQL"}));
  EXPECT_EQ(database->integer("PRAGMA application_id").value(), 0);
  EXPECT_EQ(database->integer("SELECT count(*) FROM sqlite_schema").value(), 0);
  EXPECT_TRUE(database->migrate(kApplicationId, std::array{kFirst}));
}

TEST_F(SqliteTest, ANewerSchemaIsRefusedAndLeftAlone) {
  auto database = Sqlite::open(path_);
  ASSERT_TRUE(database->migrate(kApplicationId, std::array{kFirst, kSecond}));
  const auto refused = database->migrate(kApplicationId, std::array{kFirst});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(database->integer("PRAGMA user_version").value(), 2);
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
