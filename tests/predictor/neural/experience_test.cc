#include "predictor/neural/experience.h"

#include <gtest/gtest.h>

namespace augurfs {
namespace {

Episode::Read read_of(std::uint64_t key) { return {{}, {}, key}; }

TEST(Experience, AnEpisodeIsTheReadsOfOneStreamInTheirOrder) {
  Experience experience(1);
  std::uint64_t odd = 0;
  std::uint64_t even = 0;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    std::uint64_t& last = i % 2 == 0 ? even : odd;
    NeuralState state{};
    state[0] = static_cast<float>(i);
    last = experience.add(read_of(i), state, last);
  }
  const auto episodes = experience.draw(50, 0);
  ASSERT_EQ(episodes.size(), 50U);
  for (const Episode& episode : episodes) {
    ASSERT_GE(episode.reads.size(), 1U);
    ASSERT_LE(episode.reads.size(), Experience::kEpisodeReads);
    EXPECT_EQ(episode.before[0], static_cast<float>(episode.reads[0].key));
    for (std::size_t i = 1; i < episode.reads.size(); ++i) {
      EXPECT_EQ(episode.reads[i].key, episode.reads[i - 1].key + 2);
    }
  }
}

TEST(Experience, ACandidateCountsWhenItIsSettledAndOldEnough) {
  Experience experience(1);
  const std::uint64_t read = experience.add(read_of(1), {}, 0);
  const std::uint64_t used = experience.note(read, {}, {}, {});
  const std::uint64_t open = experience.note(read, {}, {}, {});
  ASSERT_NE(used, open);
  experience.noted(used)->settled = true;
  experience.noted(used)->lesson.used[3] = true;
  EXPECT_TRUE(experience.draw(1, 1)[0].lessons.empty());
  experience.add(read_of(2), {}, read);
  experience.add(read_of(3), {}, 0);
  bool found = false;
  for (const Episode& episode : experience.draw(40, 1)) {
    for (const Lesson& lesson : episode.lessons) {
      found = true;
      EXPECT_EQ(episode.reads[lesson.read].key, 1U);
      EXPECT_TRUE(lesson.used[3]);
    }
    EXPECT_LE(episode.lessons.size(), 1U);
  }
  EXPECT_TRUE(found);
}

TEST(Experience, WhatIsOldIsForgottenAndNeverTakenForWhatIsNew) {
  Experience experience(1);
  std::uint64_t last = 0;
  const std::uint64_t first_lesson = experience.note(0, {}, {}, {});
  for (std::uint64_t i = 1; i <= 3 * Experience::kReadsMax; ++i) {
    last = experience.add(read_of(i), {}, last);
    for (int k = 0; k < 3; ++k) experience.note(last, {}, {}, {});
  }
  EXPECT_EQ(experience.noted(first_lesson), nullptr);
  EXPECT_EQ(experience.noted(0), nullptr);
  EXPECT_EQ(experience.noted(1'000'000'000), nullptr);
  for (const Episode& episode : experience.draw(200, 0)) {
    for (const Episode::Read& read : episode.reads) {
      EXPECT_GT(read.key, 2 * Experience::kReadsMax);
    }
  }
}

TEST(Experience, OfManyCandidatesOfAReadAnyMayBeKept) {
  bool last_was_kept = false;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Experience experience(seed);
    const std::uint64_t read = experience.add(read_of(1), {}, 0);
    for (int i = 0; i < 48; ++i) {
      Experience::Noted* noted = experience.noted(experience.note(read, {}, {}, {}));
      noted->settled = true;
      noted->lesson.hand[0] = static_cast<float>(i);
    }
    experience.add(read_of(2), {}, 0);
    experience.add(read_of(3), {}, 0);
    for (const Episode& episode : experience.draw(30, 0)) {
      EXPECT_LE(episode.lessons.size(), Experience::kLessonsOfARead);
      for (const Lesson& lesson : episode.lessons) last_was_kept |= lesson.hand[0] == 47;
    }
  }
  EXPECT_TRUE(last_was_kept);
}

TEST(Experience, OfNothingThereIsNothingToDraw) {
  Experience experience(1);
  EXPECT_TRUE(experience.draw(8, 0).empty());
}

}  // namespace
}  // namespace augurfs
