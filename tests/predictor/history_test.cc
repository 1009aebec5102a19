#include "predictor/history.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

#include "predictor/prefetcher.h"
#include "support/manual_clock.h"
#include "support/temporary_directory.h"

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

Event event_now(Operation operation = Operation::kRead, std::uint64_t stream = 5) {
  Event event;
  event.time = std::chrono::steady_clock::now();
  event.operation = operation;
  event.stream = stream;
  return event;
}

class HistoryTest : public testing::Test {
 protected:
  std::unique_ptr<History> open() {
    auto history = History::open({.file = file_,
                                  .bytes_max = 8 << 20,
                                  .age_max = std::chrono::hours{1},
                                  .wall_now = wall_.function(),
                                  .background = background_});
    if (!history) throw std::runtime_error(history.error().message);
    return std::move(*history);
  }
  static std::vector<HistoryRow> all(History& history) {
    HistoryCursor cursor;
    auto rows = history.read(cursor, 1'000'000);
    EXPECT_TRUE(rows);
    return rows ? *rows : std::vector<HistoryRow>{};
  }

  TemporaryDirectory directory_;
  stdfs::path file_ = directory_.path() / "history.db";
  ManualWallClock wall_;
  bool background_ = false;
};

TEST_F(HistoryTest, WhatWasAddedIsThereAfterAReopen) {
  {
    const auto history = open();
    history->add(event_now(Operation::kOpen), "a/b", "/usr/bin/cat");
    history->add(event_now(Operation::kRelease), "a/b", "/usr/bin/cat");
  }
  const auto history = open();
  const auto rows = all(*history);
  ASSERT_EQ(rows.size(), 1U) << "a release is not kept";
  EXPECT_EQ(rows[0].path, "a/b");
  EXPECT_EQ(rows[0].program, "/usr/bin/cat");
}

TEST_F(HistoryTest, AThreadOfItsOwnWrites) {
  background_ = true;
  const auto history = open();
  for (std::size_t i = 0; i < 4096; ++i) history->add(event_now(), "a", "");
  while (history->stats().written < 4096) std::this_thread::yield();
  EXPECT_EQ(history->stats().dropped, 0U);
}

TEST_F(HistoryTest, WhatTheDiskDoesNotTakeInTimeIsDroppedAndCounted) {
  const auto history = open();
  for (std::size_t i = 0; i < History::kPendingMax + 10; ++i) history->add(event_now(), "a", "");
  ASSERT_TRUE(history->flush());
  EXPECT_EQ(history->stats().dropped, 10U);
  EXPECT_EQ(history->stats().written, History::kPendingMax);
}

TEST_F(HistoryTest, AWipeLeavesNothingNotEvenWhatWaited) {
  const auto history = open();
  const Event before = event_now();
  history->add(before, "a", "program-of-before");
  ASSERT_TRUE(history->flush());
  history->add(before, "b", "program-of-before");
  ASSERT_TRUE(history->wipe());
  history->add(before, "c", "");  // waited in the prefetcher's queue
  EXPECT_TRUE(all(*history).empty());
  history->add(event_now(), "d", "");
  const auto rows = all(*history);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].path, "d");
  std::string bytes;
  for (const auto& entry : stdfs::directory_iterator(directory_.path())) {
    std::ifstream stream(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(stream), {});
  }
  EXPECT_EQ(bytes.find("program-of-before"), std::string::npos);
}

TEST_F(HistoryTest, TimesNeverGoBackWhenTheClockDoes) {
  const auto history = open();
  history->add(event_now(), "a", "");
  wall_.advance(std::chrono::hours{-24 * 365});
  history->add(event_now(), "b", "");
  wall_.advance(std::chrono::hours{24 * 366});
  history->add(event_now(), "c", "");
  const auto rows = all(*history);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_LE(rows[0].time, rows[1].time);
  EXPECT_LT(rows[1].time - rows[0].time, std::chrono::minutes{10});
  EXPECT_GT(rows[2].time - rows[1].time, std::chrono::hours{23});
}

TEST_F(HistoryTest, TimesGoOnFromTheLastRunWhenTheClockWentBackBetween) {
  {
    const auto history = open();
    history->add(event_now(), "a", "");
  }
  wall_.advance(std::chrono::hours{-24 * 365 * 20});
  const auto history = open();
  history->add(event_now(), "b", "");
  const auto rows = all(*history);
  ASSERT_EQ(rows.size(), 2U) << "nothing is too old";
  EXPECT_LE(rows[0].time, rows[1].time);
}

TEST_F(HistoryTest, ForgetsAtTheStartWhatIsTooOld) {
  {
    const auto history = open();
    history->add(event_now(), "a", "");
  }
  wall_.advance(std::chrono::hours{2});
  EXPECT_TRUE(all(*open()).empty());
}

TEST_F(HistoryTest, AFileThatIsDamagedWhileInUseIsNoError) {
  const auto history = open();
  history->add(event_now(), "a", "");
  ASSERT_TRUE(history->flush());
  std::ofstream(file_, std::ios::binary | std::ios::trunc) << std::string(65536, 'x');
  // How soon SQLite looks at its file again is its own business; what was written meanwhile may go.
  for (int i = 0; i < 1000 && !stdfs::exists(file_.string() + ".aside"); ++i) {
    history->add(event_now(), std::to_string(i) + std::string(4000, 'b'), "");
    (void)history->flush();
  }
  history->add(event_now(), "after", "");
  const auto rows = all(*history);
  ASSERT_FALSE(rows.empty());
  EXPECT_EQ(rows.back().path, "after");
}

TEST_F(HistoryTest, DamageThatShowsOnlyDeepInsideIsNoErrorEither) {
  {
    const auto history = open();
    for (int i = 0; i < 5000; ++i) history->add(event_now(), "object" + std::to_string(i), "");
  }
  const auto size = stdfs::file_size(file_);
  std::fstream file(file_, std::ios::binary | std::ios::in | std::ios::out);
  for (std::uint64_t page = 1; page < size / 4096; ++page) {
    file.seekp(static_cast<std::streamoff>(page * 4096));
    file << std::string(200, '\xff');
  }
  file.close();
  const auto history = open();
  for (int i = 0; i < 3; ++i) {
    history->add(event_now(), "after", "");
    ASSERT_TRUE(history->flush());
  }
  EXPECT_EQ(all(*history).back().path, "after");
}

TEST_F(HistoryTest, AFullDiskCostsRowsAndNothingElse) {
  const auto history = open();
  history->add(event_now(), "before", "");
  ASSERT_TRUE(history->flush());
  // No file may grow: as a disk without room, but for this process alone.
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &usual), 0);
  const rlimit none{0, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  for (int i = 0; i < 3; ++i) {
    history->add(event_now(), "lost", "");
    EXPECT_FALSE(history->flush());
  }
  EXPECT_EQ(history->stats().dropped, 3U);
  EXPECT_EQ(all(*history).size(), 1U);
  ASSERT_TRUE(history->summary());
  EXPECT_EQ(history->summary()->events, 1U);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &usual), 0);
  history->add(event_now(), "after", "");
  EXPECT_TRUE(history->flush());
  const auto rows = all(*history);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].path, "before");
  EXPECT_EQ(rows[1].path, "after");
}

TEST_F(HistoryTest, ManyMayAskWhileItIsWrittenAndWiped) {
  background_ = true;
  const auto history = open();
  std::atomic<bool> done = false;
  std::jthread asker([&] {
    while (!done) {
      EXPECT_TRUE(history->summary());
      all(*history);
    }
  });
  std::jthread wiper([&] {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(history->wipe());
  });
  for (int i = 0; i < 5000; ++i) {
    history->add(event_now(Operation::kRead, static_cast<std::uint64_t>(i % 7)),
                 std::to_string(i % 100), "/bin/" + std::to_string(i % 5));
  }
  wiper.join();
  done = true;
}

// What the prefetcher's thread makes of an event.
TEST_F(HistoryTest, EventsAreKeptWithTheNamesTheyStandFor) {
  const auto history = open();
  Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; }, {},
                        {.history = history.get(), .own_thread = false});
  const Version version{"d/a", "etag", 10};
  auto listing = std::make_shared<Listing>();
  listing->prefixes.emplace_back("d/only/");
  prefetcher.name_program(9, "/usr/bin/cat");
  Event event = event_now(Operation::kOpen);
  event.program = 9;
  event.object = object_id(version.key);
  prefetcher.see(version);
  prefetcher.record(event);
  event.object = object_id("never seen");
  prefetcher.record(event);
  event.operation = Operation::kList;
  event.program = 10;
  event.object = object_id("d/");
  prefetcher.list("d/", listing);
  prefetcher.record(event);
  prefetcher.step();
  const auto rows = all(*history);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].path, "d/a");
  EXPECT_EQ(rows[0].program, "/usr/bin/cat");
  EXPECT_EQ(rows[1].path, "d/");
  EXPECT_EQ(rows[1].operation, Operation::kList);
  EXPECT_EQ(rows[1].program, "/usr/bin/cat") << "that of its stream";
}

}  // namespace
}  // namespace augurfs
