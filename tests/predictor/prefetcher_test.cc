#include "predictor/prefetcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "remote/guarded.h"
#include "support/eventually.h"

namespace augurfs {
namespace {

Event event_of(std::uint64_t handle) {
  Event event;
  event.handle = handle;
  event.object = object_id("object");
  event.range = {handle, 1};
  return event;
}

// Asks for what was just read, and remembers the order.
class Echo : public Expert {
 public:
  explicit Echo(std::vector<std::uint64_t>* seen = nullptr) : seen_(seen) {}
  void observe(const Event& event, const Catalog& /*catalog*/,
               std::vector<Candidate>& candidates) override {
    if (seen_ != nullptr) seen_->push_back(event.handle);
    candidates.push_back({.object = event.object, .range = event.range});
  }

 private:
  std::vector<std::uint64_t>* seen_;
};

const Version kObject{"object", "etag", 100};

std::vector<std::unique_ptr<Expert>> experts_of(std::unique_ptr<Expert> expert) {
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::move(expert));
  return experts;
}

TEST(Prefetcher, HandsCandidatesToTheCacheInTheOrderOfEvents) {
  std::vector<std::uint64_t> seen;
  std::vector<std::uint64_t> fetched;
  Prefetcher prefetcher(
      [&](const Version& version, ByteRange range, const Foreseen&) {
        EXPECT_EQ(version.key, "object");
        fetched.push_back(range.offset);
        return true;
      },
      experts_of(std::make_unique<Echo>(&seen)), {.own_thread = false});
  prefetcher.see(kObject);
  for (std::uint64_t handle = 1; handle <= 3; ++handle) prefetcher.record(event_of(handle));
  EXPECT_TRUE(fetched.empty()) << "record() fetched";
  EXPECT_EQ(prefetcher.step(), 3U);
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(fetched, seen);
  EXPECT_EQ(prefetcher.step(), 0U);
  EXPECT_EQ(prefetcher.stats().events, 3U);
  EXPECT_EQ(prefetcher.stats().candidates, 3U);
  EXPECT_EQ(prefetcher.stats().refused, 0U);
}

TEST(Prefetcher, DropsTheOldestAndCountsItWhenTheQueueIsFull) {
  std::vector<std::uint64_t> seen;
  Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; },
                        experts_of(std::make_unique<Echo>(&seen)),
                        {.queue_events_max = 2, .own_thread = false});
  prefetcher.see(kObject);
  for (std::uint64_t handle = 1; handle <= 5; ++handle) prefetcher.record(event_of(handle));
  EXPECT_EQ(prefetcher.step(), 2U);
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{4, 5}));
  EXPECT_EQ(prefetcher.stats().events_dropped, 3U);
}

TEST(Prefetcher, CountsWhatTheCacheRefused) {
  Prefetcher prefetcher(
      [](const Version&, ByteRange range, const Foreseen&) { return range.offset % 2 == 0; },
      experts_of(std::make_unique<Echo>()), {.own_thread = false});
  prefetcher.see(kObject);
  for (std::uint64_t handle = 0; handle < 5; ++handle) prefetcher.record(event_of(handle));
  prefetcher.step();
  EXPECT_EQ(prefetcher.stats().candidates, 5U);
  EXPECT_EQ(prefetcher.stats().refused, 2U);
}

// Wants a directory to be listed when an object in it is read, and notes what it hears of it.
class Walker : public Expert {
 public:
  struct Heard {
    std::atomic<int> listed_ahead = 0;
    std::atomic<std::size_t> children = 0;
    std::atomic<std::uint64_t> stream = 0;
  };
  explicit Walker(Heard& heard) : heard_(heard) {}
  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override {
    if (event.operation == Operation::kListedAhead) {
      heard_.children = catalog.children(event.object).size();
      heard_.stream = event.stream;
      ++heard_.listed_ahead;
    } else {
      candidates.push_back({.object = object_id("d/")});
    }
  }

 private:
  Heard& heard_;
};

TEST(Prefetcher, ListsADirectoryAheadAndTellsOfIt) {
  Walker::Heard heard;
  PrefetcherOptions options;
  options.list = [](const std::string& prefix,
                    const std::stop_token&) -> Result<std::shared_ptr<const Listing>> {
    EXPECT_EQ(prefix, "d/");
    auto listing = std::make_shared<Listing>();
    for (const char* key : {"d/a", "d/b"}) listing->objects.push_back({{key, "", 1}, {}});
    return std::shared_ptr<const Listing>(std::move(listing));
  };
  Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; },
                        experts_of(std::make_unique<Walker>(heard)), options);
  prefetcher.see({"d/a", "", 1});
  Event event = event_of(1);
  event.stream = 7;
  prefetcher.record(event);
  ASSERT_TRUE(eventually([&] { return heard.listed_ahead == 1; }));
  EXPECT_EQ(heard.children, 2U);
  EXPECT_EQ(heard.stream, 7U);
  EXPECT_EQ(prefetcher.stats().listings, 1U);
  EXPECT_EQ(prefetcher.stats().refused, 0U);
}

TEST(Prefetcher, AListingOfWhatNobodyKnowsOrInShadowOrWhilePausedIsNotAskedFor) {
  Walker::Heard heard;
  Shadow shadow({});
  PrefetcherOptions options;
  options.own_thread = false;
  options.shadow = &shadow;
  options.list = [](const std::string&,
                    const std::stop_token&) -> Result<std::shared_ptr<const Listing>> {
    ADD_FAILURE();
    return Error{ErrorCode::kCancelled, ""};
  };
  Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; },
                        experts_of(std::make_unique<Walker>(heard)), options);
  prefetcher.record(event_of(1));
  prefetcher.step();
  EXPECT_EQ(prefetcher.stats().unknown, 1U);
  prefetcher.see({"d/a", "", 1});
  prefetcher.set_shadow(true);
  prefetcher.record(event_of(1));
  prefetcher.step();
  EXPECT_EQ(prefetcher.stats().withheld, 1U);
  prefetcher.set_shadow(false);
  prefetcher.pause_until(kForGood);
  prefetcher.record(event_of(1));
  prefetcher.step();
  EXPECT_EQ(prefetcher.stats().withheld, 2U);
}

TEST(Prefetcher, PausedItLearnsAndFetchesNothing) {
  std::vector<std::uint64_t> seen;
  std::vector<std::uint64_t> fetched;
  Prefetcher prefetcher(
      [&](const Version&, ByteRange range, const Foreseen&) {
        fetched.push_back(range.offset);
        return true;
      },
      experts_of(std::make_unique<Echo>(&seen)), {.own_thread = false});
  prefetcher.see(kObject);
  const auto now = std::chrono::steady_clock::now();
  std::uint64_t handle = 0;
  for (const auto until : {now + std::chrono::hours{1}, kForGood, now, kNotPaused}) {
    prefetcher.pause_until(until);
    EXPECT_EQ(prefetcher.paused_until(), until);
    prefetcher.record(event_of(++handle));
    prefetcher.step();
  }
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(fetched, (std::vector<std::uint64_t>{3, 4}));
  EXPECT_EQ(prefetcher.stats().withheld, 2U);
}

TEST(Prefetcher, InShadowTheSameCandidatesAreJudgedAndNotFetched) {
  std::vector<std::uint64_t> seen;
  ShadowOptions options;
  options.layout = [](const Version& version) { return ChunkLayout{version.size, 16}; };
  options.is_there = [](const Version&, std::uint32_t) { return false; };
  options.pace = [] { return FetchPace{{}, {}, true}; };
  options.bytes_max = 1 << 20;
  Shadow shadow(options);
  HintLedger ledger;
  int fetched = 0;
  Prefetcher prefetcher(
      [&](const Version&, ByteRange, const Foreseen&) {
        ++fetched;
        return true;
      },
      experts_of(std::make_unique<Echo>(&seen)),
      {.ledger = &ledger, .shadow = &shadow, .in_shadow = true, .own_thread = false});
  prefetcher.see(kObject);
  EXPECT_TRUE(prefetcher.in_shadow());
  Event event = event_of(1);
  for (int i = 0; i < 2; ++i) {
    event.time = std::chrono::steady_clock::now();
    prefetcher.record(event);
    prefetcher.step();
  }
  event.operation = Operation::kServed;
  event.latency = std::chrono::milliseconds{7};
  prefetcher.record(event);
  prefetcher.step();
  EXPECT_EQ(fetched, 0);
  const ShadowVerdict verdict = shadow.verdict();
  const auto account = ledger.account(ExpertId::kNone, "", "");
  ASSERT_GT(verdict.tallies.size(), account);
  EXPECT_EQ(verdict.tallies[account].used_bytes, 16U);
  EXPECT_EQ(verdict.waited, std::chrono::milliseconds{7});
  prefetcher.set_shadow(false);
  event.operation = Operation::kRead;
  prefetcher.record(event);
  prefetcher.step();
  EXPECT_EQ(fetched, 1);
  EXPECT_EQ(shadow.verdict().tallies[account].used_bytes, 16U);
}

TEST(Prefetcher, WithoutAShadowThereIsNoShadowMode) {
  Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; }, {},
                        {.in_shadow = true, .own_thread = false});
  EXPECT_FALSE(prefetcher.in_shadow());
  prefetcher.set_shadow(true);
  EXPECT_FALSE(prefetcher.in_shadow());
}

TEST(Prefetcher, BooksWhatItFetchesOnTheAccountOfExpertProgramAndDirectory) {
  HintLedger ledger;
  std::vector<std::uint32_t> accounts;
  Prefetcher prefetcher(
      [&](const Version&, ByteRange, const Foreseen& foreseen) {
        accounts.push_back(foreseen.account);
        return true;
      },
      experts_of(std::make_unique<Echo>()), {.ledger = &ledger, .own_thread = false});
  const Version version{"d/a", "etag", 10};
  prefetcher.see(version);
  prefetcher.name_program(7, "/bin/cat");
  Event event = event_of(1);
  event.object = object_id(version.key);
  event.program = 7;
  prefetcher.record(event);
  event.program = 8;
  prefetcher.record(event);
  prefetcher.step();
  const std::vector<Candidate> hints{
      {.object = event.object, .range = {0, 1}, .expert = ExpertId::kDirectorySweep, .program = 7}};
  prefetcher.hint(hints);
  prefetcher.step();
  ASSERT_EQ(accounts.size(), 3U);
  EXPECT_EQ(accounts[0], ledger.account(ExpertId::kNone, "/bin/cat", "d/"));
  EXPECT_EQ(accounts[1], ledger.account(ExpertId::kNone, "", "d/"));
  EXPECT_EQ(accounts[2], ledger.account(ExpertId::kDirectorySweep, "/bin/cat", "d/"));
}

TEST(Prefetcher, TellsTheCacheHowLikelyACandidateIsAndWhenItIsDue) {
  std::vector<Foreseen> told;
  Prefetcher prefetcher(
      [&](const Version&, ByteRange, const Foreseen& foreseen) {
        told.push_back(foreseen);
        return true;
      },
      {}, {.own_thread = false});
  prefetcher.see(kObject);
  std::vector<Candidate> hints(3, {.object = object_id("object"), .range = {0, 1}});
  hints[0].probability = 0.25F;
  hints[0].expected_in = std::chrono::minutes{10};
  hints[1].expected_in = std::chrono::nanoseconds::max();
  hints[2].expected_in = std::chrono::nanoseconds::min();
  prefetcher.hint(hints);
  const auto before = std::chrono::steady_clock::now();
  prefetcher.step();
  const auto after = std::chrono::steady_clock::now();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0].probability, 0.25F);
  EXPECT_EQ(told[1].probability, 1.0F);
  const auto is_due_in = [&](int i, std::chrono::nanoseconds time) {
    return told[i].due >= before + time && told[i].due <= after + time;
  };
  EXPECT_TRUE(is_due_in(0, std::chrono::minutes{10}));
  EXPECT_TRUE(is_due_in(1, std::chrono::hours{24})) << "bounded";
  EXPECT_TRUE(is_due_in(2, {})) << "bounded";
}

TEST(Prefetcher, ACandidateNobodyKnowsIsCountedAndNotFetched) {
  Prefetcher prefetcher(
      [](const Version&, ByteRange, const Foreseen&) {
        ADD_FAILURE() << "fetched what is not known";
        return true;
      },
      experts_of(std::make_unique<Echo>()), {.own_thread = false});
  prefetcher.record(event_of(1));
  prefetcher.step();
  EXPECT_EQ(prefetcher.stats().unknown, 1U);
}

TEST(Prefetcher, PausedItFetchesNoHint) {
  Prefetcher prefetcher(
      [](const Version&, ByteRange, const Foreseen&) {
        ADD_FAILURE() << "fetched though paused";
        return true;
      },
      {}, {.paused_until = kForGood, .own_thread = false});
  prefetcher.see(kObject);
  prefetcher.record(event_of(1));
  prefetcher.step();
  prefetcher.hint(std::vector<Candidate>{{.object = object_id("object"), .range = {1, 1}}});
  prefetcher.step();
  EXPECT_EQ(prefetcher.stats().withheld, 1U);
}

TEST(Prefetcher, HintsGoTheWayOfCandidates) {
  std::vector<std::uint64_t> fetched;
  Prefetcher prefetcher(
      [&](const Version& version, ByteRange range, const Foreseen&) {
        EXPECT_EQ(version, kObject);
        fetched.push_back(range.offset);
        return range.offset != 2;
      },
      {}, {.queue_events_max = 4, .own_thread = false});
  prefetcher.see(kObject);
  prefetcher.record(event_of(1));
  prefetcher.step();
  const std::vector<Candidate> hints{{.object = object_id("object"), .range = {1, 1}},
                                     {.object = object_id("nobody's"), .range = {1, 1}},
                                     {.object = object_id("object"), .range = {2, 1}}};
  prefetcher.hint(hints);
  EXPECT_TRUE(fetched.empty()) << "hint() fetched";
  prefetcher.step();
  EXPECT_EQ(fetched, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(prefetcher.stats().candidates, 3U);
  EXPECT_EQ(prefetcher.stats().unknown, 1U);
  EXPECT_EQ(prefetcher.stats().refused, 1U);
  prefetcher.hint(hints);
  prefetcher.hint(hints);
  EXPECT_EQ(prefetcher.stats().hints_dropped, 2U);
}

TEST(Prefetcher, AHintIsFetchedThoughNoEventFollows) {
  std::atomic<bool> fetched = false;
  Prefetcher prefetcher(
      [&](const Version&, ByteRange, const Foreseen&) {
        fetched = true;
        fetched.notify_all();
        return true;
      },
      {});
  prefetcher.see(kObject);
  prefetcher.record(event_of(1));
  while (prefetcher.stats().events == 0) std::this_thread::yield();
  prefetcher.hint(std::vector<Candidate>{{.object = object_id("object"), .range = {1, 1}}});
  fetched.wait(false);
}

TEST(Prefetcher, WhatWasListedCanBeFetched) {
  std::vector<std::string> fetched;
  Prefetcher prefetcher(
      [&](const Version& version, ByteRange, const Foreseen&) {
        fetched.push_back(version.key);
        return true;
      },
      experts_of(std::make_unique<Echo>()), {.own_thread = false});
  auto listing = std::make_shared<Listing>();
  listing->objects.push_back({kObject, {}});
  prefetcher.list("", listing);
  prefetcher.record(event_of(1));
  prefetcher.step();
  EXPECT_EQ(fetched, std::vector<std::string>{"object"});
}

TEST(Prefetcher, NewsBeyondTheBoundPushOutTheOldest) {
  Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; },
                        experts_of(std::make_unique<Echo>()),
                        {.queue_events_max = 2, .own_thread = false});
  prefetcher.see(kObject);
  prefetcher.see({"b", "", 1});
  prefetcher.see({"c", "", 1});
  prefetcher.record(event_of(1));
  prefetcher.step();
  EXPECT_EQ(prefetcher.stats().news_dropped, 1U);
  EXPECT_EQ(prefetcher.stats().unknown, 1U);
}

TEST(Prefetcher, RecordDoesNotWaitForAFetchThatHangs) {
  struct Gate {
    bool entered = false;
    bool open = false;
  };
  Guarded<Gate> gate;
  std::condition_variable changed;
  std::atomic<int> fetched = 0;
  Prefetcher prefetcher(
      [&](const Version&, ByteRange, const Foreseen&) {
        auto locked = gate.lock();
        locked->entered = true;
        changed.notify_all();
        changed.wait(locked.mutex(), [&] { return locked->open; });
        ++fetched;
        return true;
      },
      experts_of(std::make_unique<Echo>()), {.queue_events_max = 8});
  prefetcher.see(kObject);
  prefetcher.record(event_of(0));
  {
    auto locked = gate.lock();
    changed.wait(locked.mutex(), [&] { return locked->entered; });
  }
  // The thread hangs in the fetch. Were record() to wait for it, this would never end.
  for (std::uint64_t handle = 1; handle <= 20; ++handle) prefetcher.record(event_of(handle));
  EXPECT_EQ(fetched, 0);
  EXPECT_EQ(prefetcher.stats().events_dropped, 12U);
  gate.lock()->open = true;
  changed.notify_all();
}

TEST(Prefetcher, EventsFromManyThreadsAreAllAccountedFor) {
  std::atomic<std::uint64_t> fetched = 0;
  PrefetcherStats stats;
  {
    Prefetcher prefetcher(
        [&](const Version&, ByteRange, const Foreseen&) {
          ++fetched;
          return true;
        },
        experts_of(std::make_unique<Echo>()), {.queue_events_max = 64});
    prefetcher.see(kObject);
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          for (std::uint64_t handle = 0; handle < 1000; ++handle) {
            prefetcher.record(event_of(handle));
          }
        });
      }
    }
    do {
      stats = prefetcher.stats();
      std::this_thread::yield();
    } while (stats.events + stats.events_dropped < 4000);
  }
  EXPECT_EQ(stats.events + stats.events_dropped, 4000U);
  EXPECT_EQ(fetched, stats.events);
}

TEST(Prefetcher, EndsAtOnceWithAFullQueue) {
  for (int round = 0; round < 50; ++round) {
    Prefetcher prefetcher([](const Version&, ByteRange, const Foreseen&) { return true; },
                          experts_of(std::make_unique<Echo>()));
    prefetcher.see(kObject);
    for (std::uint64_t handle = 0; handle < 100; ++handle) prefetcher.record(event_of(handle));
  }
}

}  // namespace
}  // namespace augurfs
