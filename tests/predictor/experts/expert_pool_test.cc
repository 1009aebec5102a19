#include "predictor/experts/expert_pool.h"

#include <gtest/gtest.h>

#include "predictor/policies.h"

namespace augurfs {
namespace {

// Thinks so many things, from `first` on, less and less likely.
class Thinker : public Expert {
 public:
  Thinker(std::uint64_t first, std::uint64_t count, float probability)
      : first_(first), count_(count), probability_(probability) {}
  void observe(const Event& event, const Catalog& /*catalog*/,
               std::vector<Candidate>& candidates) override {
    for (std::uint64_t i = 0; i < count_; ++i) {
      candidates.push_back(
          {.object = event.object, .range = {first_ + i, 1}, .probability = probability_});
    }
  }

 private:
  const std::uint64_t first_;
  const std::uint64_t count_;
  const float probability_;
};

std::vector<Candidate> thoughts(std::unique_ptr<Expert> a, std::unique_ptr<Expert> b) {
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::move(a));
  experts.push_back(std::move(b));
  ExpertPool pool(std::move(experts));
  std::vector<Candidate> candidates;
  pool.observe({}, Catalog(), candidates);
  return candidates;
}

TEST(ExpertPool, SaysWhatAllThinkEachThingOnce) {
  const auto found =
      thoughts(std::make_unique<Thinker>(0, 3, 0.9F), std::make_unique<Thinker>(2, 3, 0.5F));
  ASSERT_EQ(found.size(), 5U);
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(found[i].range.offset, i);
  EXPECT_EQ(found[2].probability, 0.9F);
}

TEST(ExpertPool, SaysNothingAgainAMomentLater) {
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::make_unique<Thinker>(0, 3, 0.9F));
  ExpertPool pool(std::move(experts));
  const auto thoughts_at = [&](std::chrono::milliseconds time) {
    Event event;
    event.time = std::chrono::steady_clock::time_point(time);
    std::vector<Candidate> candidates;
    pool.observe(event, Catalog(), candidates);
    return candidates.size();
  };
  EXPECT_EQ(thoughts_at(std::chrono::milliseconds(0)), 3U);
  EXPECT_EQ(thoughts_at(std::chrono::milliseconds(249)), 0U);
  EXPECT_EQ(thoughts_at(std::chrono::milliseconds(250)), 3U);
}

TEST(ExpertPool, WhatWasReadMeanwhileIsSaidAgain) {
  std::vector<std::unique_ptr<Expert>> experts;
  experts.push_back(std::make_unique<Thinker>(0, 1, 0.9F));
  ExpertPool pool(std::move(experts), 4096);
  Event event;
  event.object = object_id("a");
  const auto thoughts = [&] {
    std::vector<Candidate> candidates;
    pool.observe(event, Catalog(), candidates);
    return candidates.size();
  };
  EXPECT_EQ(thoughts(), 1U);
  EXPECT_EQ(thoughts(), 0U);
  event.range = {4096, 1};
  EXPECT_EQ(thoughts(), 0U) << "another chunk of it was read";
  event.range = {100, 1};
  EXPECT_EQ(thoughts(), 1U);
}

TEST(ExpertPool, TheBrainsOwnLeavesReadaheadToTheDaemon) {
  const auto policy = make_brain_policy({.cache_bytes = 1 << 30}).expert;
  Catalog catalog;
  catalog.see({"large", "", 1 << 30});
  std::vector<Candidate> candidates;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Event event;
    event.time = std::chrono::steady_clock::time_point(std::chrono::milliseconds(100) * i);
    event.stream = event.handle = 1;
    event.object = object_id("large");
    event.object_bytes = 1 << 30;
    event.range = {i << 17, 1 << 17};
    policy->observe(event, catalog, candidates);
  }
  for (const Candidate& candidate : candidates) {
    EXPECT_NE(candidate.expert, ExpertId::kReadahead);
  }
}

TEST(ExpertPool, TheBrainsOwnForeseesTheRestOfADirectory) {
  const auto policy = make_brain_policy({.cache_bytes = 1 << 30}).expert;
  Catalog catalog;
  std::vector<ObjectInfo> objects;
  for (char name = 'a'; name <= 'z'; ++name) objects.push_back({{{'d', '/', name}, "", 10}, {}});
  catalog.list("d/", objects);
  std::vector<Candidate> candidates;
  for (const char* key : {"d/a", "d/b", "d/c"}) {
    Event event;
    event.operation = Operation::kOpen;
    event.stream = 1;
    event.object = object_id(key);
    policy->observe(event, catalog, candidates);
  }
  ASSERT_FALSE(candidates.empty());
  EXPECT_EQ(candidates.front().object, object_id("d/d"));
}

TEST(ExpertPool, OfTooManyItSaysTheLikeliest) {
  const auto found =
      thoughts(std::make_unique<Thinker>(0, 40, 0.1F), std::make_unique<Thinker>(100, 40, 0.9F));
  ASSERT_EQ(found.size(), ExpertPool::kCandidatesMax);
  EXPECT_EQ(found[0].range.offset, 100U);
  EXPECT_EQ(found[39].range.offset, 139U);
  EXPECT_EQ(found[40].range.offset, 0U);
}

}  // namespace
}  // namespace augurfs
