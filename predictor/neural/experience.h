#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "predictor/neural/trainer.h"

namespace augurfs {

// The latest reads and candidates, to learn from more than once. Both are rings: what is new takes
// the place of the oldest. Numbers are never reused. Thread rule: one thread at a time.
class Experience {
 public:
  static constexpr std::size_t kReadsMax = 1 << 14;    // some 600 bytes each
  static constexpr std::size_t kLessonsMax = 1 << 16;  // some 220 bytes each
  static constexpr std::size_t kLessonsOfARead = 6;
  static constexpr std::size_t kEpisodeReads = 16;

  explicit Experience(std::uint64_t seed)
      : reads_(kReadsMax), lessons_(kLessonsMax), random_(seed) {}

  // A read, `before` which the stream's state was this; the number of the stream's read before it,
  // or 0. Returns its number, from 1 on.
  std::uint64_t add(const Episode::Read& read, const NeuralState& before, std::uint64_t previous);
  // A candidate thought of after that read; its number, from 1 on.
  std::uint64_t note(std::uint64_t read, const FeatureBag& place, const HandFeatures& hand,
                     const HorizonScores& scores);
  struct Noted {
    std::uint64_t read = 0;
    bool settled = false;
    HorizonScores scores{};
    Lesson lesson;
  };
  // What was noted, to be marked; null when it is forgotten.
  Noted* noted(std::uint64_t number);

  // Episodes to learn from: half of them end in the newest reads. Of candidates only those count
  // that were noted `settled_reads` ago: what is read is known sooner than what is not.
  std::vector<Episode> draw(std::size_t episodes, std::uint64_t settled_reads);

  std::uint64_t reads() const { return reads_added_; }

 private:
  struct Read {
    Episode::Read read;
    NeuralState before{};
    std::uint64_t previous = 0;
    std::array<std::uint64_t, kLessonsOfARead> lessons{};
    std::uint32_t lesson_count = 0;  // noted, with those that found no room
  };

  bool holds(std::uint64_t read) const {
    return read > 0 && read <= reads_added_ && reads_added_ - read < kReadsMax;
  }
  Read& at(std::uint64_t read) { return reads_[read % kReadsMax]; }
  Episode episode_ending_in(std::uint64_t last, std::uint64_t settled_reads);

  std::vector<Read> reads_;
  std::vector<Noted> lessons_;
  std::uint64_t reads_added_ = 0;
  std::uint64_t lessons_added_ = 0;
  std::mt19937_64 random_;
};

}  // namespace augurfs
