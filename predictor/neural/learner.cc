#include "predictor/neural/learner.h"

#include <spdlog/spdlog.h>

#include <ctime>
#include <utility>

#include "remote/wait.h"

namespace augurfs {
namespace {

std::chrono::nanoseconds processor_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Learner::Learner(const LearnerOptions& options, std::unique_ptr<Trainer> trainer,
                 std::unique_ptr<Checkpoint> checkpoint)
    : options_(options),
      trainer_(std::move(trainer)),
      checkpoint_(std::move(checkpoint)),
      working_(std::make_unique<NeuralWeights>(options.seed)),
      save_at_(std::chrono::steady_clock::now()) {
  if (checkpoint_ != nullptr) {
    auto desk = desk_.lock();
    desk->stats.resumed = checkpoint_->load(*working_).value_or(0);
    desk->stats.steps = desk->stats.resumed;
  }
  if (!options.in_background || trainer_ == nullptr) return;
  weights_ = std::make_unique<NeuralWeights>(*working_);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Learner::~Learner() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  if (!is_saved_) save();
}

void Learner::refresh() {
  if (!thread_.joinable()) return;
  auto desk = desk_.lock();
  if (desk->better == nullptr) return;
  desk->worn = std::exchange(weights_, std::move(desk->better));
  ++version_;
}

void Learner::hand_over() {
  std::unique_ptr<NeuralWeights> copy;
  {
    auto desk = desk_.lock();
    // What was not taken is old by now.
    copy = std::move(desk->better != nullptr ? desk->better : desk->worn);
  }
  if (copy == nullptr) {
    copy = std::make_unique<NeuralWeights>(*working_);
  } else {
    *copy = *working_;
  }
  desk_.lock()->better = std::move(copy);
}

bool Learner::is_ready() const { return trainer_ != nullptr && !desk_.lock()->busy; }

void Learner::learn(std::vector<Episode> batch) {
  if (!is_ready()) return;
  if (!thread_.joinable()) {
    step(batch);
    ++version_;
    return;
  }
  {
    auto desk = desk_.lock();
    desk->busy = true;
    desk->batch = std::move(batch);
  }
  roused_.notify_one();
}

void Learner::run(const std::stop_token& stop) {
  while (true) {
    std::vector<Episode> batch;
    {
      auto desk = desk_.lock();
      roused_.wait(desk.mutex(), stop, [&] { return desk->batch.has_value(); });
      if (stop.stop_requested()) return;
      batch = std::move(*std::exchange(desk->batch, std::nullopt));
    }
    const auto before = processor_time();
    step(batch);
    hand_over();
    if (!is_saved_ && std::chrono::steady_clock::now() >= save_at_) save();
    const auto rest = (processor_time() - before) * (1 / options_.core_share_max - 1);
    const auto until = std::chrono::steady_clock::now() +
                       std::chrono::duration_cast<std::chrono::nanoseconds>(rest);
    if (!wait_until(until, stop)) return;
    desk_.lock()->busy = false;
  }
}

void Learner::step(const std::vector<Episode>& batch) {
  const auto loss = trainer_->train(batch, *working_);
  if (!loss) return;
  const bool back = roll_back_.watch(*loss, *working_);
  is_saved_ = false;
  if (back) spdlog::warn("model.rolled_back loss={:.3f}", *roll_back_.loss());
  auto desk = desk_.lock();
  ++desk->stats.steps;
  desk->stats.rolled_back += back ? 1 : 0;
  desk->stats.loss = roll_back_.loss();
}

void Learner::save() {
  save_at_ = std::chrono::steady_clock::now() + options_.save_every;
  if (checkpoint_ == nullptr) return;
  const auto saved = checkpoint_->save(*working_, stats().steps);
  is_saved_ = bool(saved);
  if (saved) return;
  spdlog::warn("model.save_failed reason={:?}", saved.error().message);
  ++desk_.lock()->stats.saves_failed;
}

}  // namespace augurfs
