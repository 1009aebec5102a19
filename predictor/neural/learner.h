#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "predictor/neural/checkpoint.h"
#include "predictor/neural/roll_back.h"
#include "predictor/neural/trainer.h"
#include "remote/guarded.h"

namespace augurfs {

struct LearnerOptions {
  std::uint64_t seed = 1;  // of the first weights
  // A thread of its own, so that no event waits for a step, and so much of a core at most. Without,
  // a step is over when learn() returns, so that the same input gives the same output.
  bool in_background = false;
  double core_share_max = 0.04;
  std::chrono::seconds save_every{300};  // and at the end; the first one soon
};

struct LearnerStats {
  std::uint64_t steps = 0;    // with those that it goes on from
  std::uint64_t resumed = 0;  // those
  std::uint64_t rolled_back = 0;
  std::uint64_t saves_failed = 0;
  std::optional<float> loss;  // smoothed, of the latest steps
};

// Holds the weights and improves them, a batch at a time; keeps them in a checkpoint and goes on
// from what it holds. Thread rule: one thread, that of the events, but for stats(), which is for
// any. In the background a step works on weights of its own, which refresh() then puts in place of
// the old ones by a pointer. The destructor ends the step under way, and saves.
class Learner {
 public:
  // Without a trainer it never learns, without a checkpoint it keeps nothing.
  Learner(const LearnerOptions& options, std::unique_ptr<Trainer> trainer,
          std::unique_ptr<Checkpoint> checkpoint = nullptr);
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;
  ~Learner();

  // They change in refresh() and in learn() only, and then so does the version.
  const NeuralWeights& weights() const { return weights_ != nullptr ? *weights_ : *working_; }
  std::uint64_t version() const { return version_; }
  void refresh();

  // Whether it takes a batch now: it does not while it is at work, or has to rest.
  bool is_ready() const;
  void learn(std::vector<Episode> batch);
  LearnerStats stats() const { return desk_.lock()->stats; }

 private:
  // What both threads reach for.
  struct Desk {
    std::optional<std::vector<Episode>> batch;  // to be learned from
    std::unique_ptr<NeuralWeights> better;      // to be taken
    std::unique_ptr<NeuralWeights> worn;        // to be written over: freeing it takes its time
    bool busy = false;
    LearnerStats stats;
  };

  void run(const std::stop_token& stop);
  void step(const std::vector<Episode>& batch);
  void hand_over();
  void save();

  const LearnerOptions options_;
  const std::unique_ptr<Trainer> trainer_;
  const std::unique_ptr<Checkpoint> checkpoint_;
  // Of the thread that learns.
  const std::unique_ptr<NeuralWeights> working_;
  RollBack roll_back_;
  bool is_saved_ = true;
  std::chrono::steady_clock::time_point save_at_;
  // Of the thread of the events.
  std::unique_ptr<NeuralWeights> weights_;  // null: those that are worked on
  std::uint64_t version_ = 1;
  mutable Guarded<Desk> desk_;
  std::condition_variable_any roused_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace augurfs
