#include "predictor/experts/start_up_set.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

using Asked = std::vector<std::string>;

class StartUpSetTest : public testing::Test {
 protected:
  // What opening an object brings.
  Asked open(const std::string& name, std::uint64_t stream, std::uint64_t program,
             std::chrono::seconds at = {}) {
    catalog.see({name, "", 100});
    Event event;
    event.operation = Operation::kOpen;
    event.time = std::chrono::steady_clock::time_point(at);
    event.stream = stream;
    event.program = program;
    event.object = object_id(name);
    std::vector<Candidate> candidates;
    expert.observe(event, catalog, candidates);
    Asked asked;
    for (const Candidate& candidate : candidates) {
      EXPECT_EQ(candidate.range.length, 100U);
      asked.push_back(catalog.version(candidate.object)->key);
    }
    return asked;
  }

  Catalog catalog;
  StartUpSet expert{StartUpSetOptions{}};
};

TEST_F(StartUpSetTest, WhatTheLastStartOpenedComesWithTheNext) {
  for (const char* name : {"libc", "conf", "data"}) EXPECT_EQ(open(name, 1, 7), Asked{});
  EXPECT_EQ(open("libc", 2, 7), (Asked{"conf", "data"}));
  EXPECT_EQ(open("conf", 2, 7), Asked{}) << "all was said with the first";
}

TEST_F(StartUpSetTest, AnotherProgramIsAnother) {
  open("libc", 1, 7);
  open("conf", 1, 7);
  EXPECT_EQ(open("libc", 2, 8), Asked{});
  EXPECT_EQ(open("libc", 3, 0), Asked{}) << "one that nobody knows";
}

TEST_F(StartUpSetTest, WhatOneStartInThreeOpenedDoesNotCome) {
  open("libc", 1, 7);
  open("rare", 1, 7);
  for (std::uint64_t stream = 2; stream <= 3; ++stream) {
    open("libc", stream, 7);
    open("usual", stream, 7);
  }
  EXPECT_EQ(open("new", 4, 7), (Asked{"libc", "usual"}));
}

TEST_F(StartUpSetTest, WhatIsOpenedLongAfterTheStartIsNoPartOfIt) {
  open("libc", 1, 7, std::chrono::seconds(0));
  open("late", 1, 7, std::chrono::seconds(11));
  EXPECT_EQ(open("other", 2, 7, std::chrono::seconds(20)), Asked{"libc"});
}

TEST_F(StartUpSetTest, AProcessThatBecomesAnotherProgramStartsIt) {
  open("libc", 1, 7);
  open("x", 2, 8);
  EXPECT_EQ(open("y", 2, 7), Asked{"libc"});
}

TEST_F(StartUpSetTest, AProgramThatStartsAThousandTimesIsStillKnown) {
  for (std::uint64_t stream = 1; stream <= 1000; ++stream) {
    open("libc", stream, 7);
    open("conf", stream, 7);
  }
  EXPECT_EQ(open("libc", 1001, 7), Asked{"conf"});
}

}  // namespace
}  // namespace augurfs
