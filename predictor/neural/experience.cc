#include "predictor/neural/experience.h"

#include <algorithm>

namespace augurfs {

std::uint64_t Experience::add(const Episode::Read& read, const NeuralState& before,
                              std::uint64_t previous) {
  const std::uint64_t number = ++reads_added_;
  at(number) = {read, before, previous, {}, 0};
  return number;
}

std::uint64_t Experience::note(std::uint64_t read, const FeatureBag& place,
                               const HandFeatures& hand, const HorizonScores& scores) {
  const std::uint64_t number = ++lessons_added_;
  lessons_[number % kLessonsMax] = {read, false, scores, {0, place, hand, {}}};
  if (!holds(read)) return number;
  // Any of them has the same chance to be kept.
  Read& at_read = at(read);
  const std::uint64_t place_of_it = at_read.lesson_count < kLessonsOfARead
                                        ? at_read.lesson_count
                                        : random_() % (at_read.lesson_count + 1);
  if (place_of_it < kLessonsOfARead) at_read.lessons[place_of_it] = number;
  ++at_read.lesson_count;
  return number;
}

Experience::Noted* Experience::noted(std::uint64_t number) {
  const bool held = number > 0 && number <= lessons_added_ && lessons_added_ - number < kLessonsMax;
  return held ? &lessons_[number % kLessonsMax] : nullptr;
}

std::vector<Episode> Experience::draw(std::size_t episodes, std::uint64_t settled_reads) {
  constexpr std::uint64_t kNewest = 128;
  std::vector<Episode> drawn;
  const std::uint64_t held = std::min<std::uint64_t>(reads_added_, kReadsMax - 1);
  if (held == 0) return drawn;
  for (std::size_t i = 0; i < episodes; ++i) {
    const std::uint64_t back = random_() % (i % 2 == 0 ? std::min(held, kNewest) : held);
    drawn.push_back(episode_ending_in(reads_added_ - back, settled_reads));
  }
  return drawn;
}

Episode Experience::episode_ending_in(std::uint64_t last, std::uint64_t settled_reads) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = last; holds(number) && numbers.size() < kEpisodeReads;
       number = at(number).previous) {
    numbers.push_back(number);
  }
  std::reverse(numbers.begin(), numbers.end());
  Episode episode;
  episode.before = at(numbers.front()).before;
  for (const std::uint64_t number : numbers) {
    const Read& read = at(number);
    if (reads_added_ - number > settled_reads) {
      for (const std::uint64_t lesson : read.lessons) {
        const Noted* const found = noted(lesson);
        if (found == nullptr || found->read != number || !found->settled) continue;
        episode.lessons.push_back(found->lesson);
        episode.lessons.back().read = episode.reads.size();
      }
    }
    episode.reads.push_back(read.read);
  }
  return episode;
}

}  // namespace augurfs
