#include "predictor/object_finder.h"

#include <utility>

namespace augurfs {

ObjectFinder::ObjectFinder(FindObject find, Found found)
    : find_(std::move(find)), found_(std::move(found)) {
  for (std::size_t i = 0; i < kQuestionsAtOnce; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

// All are asked before the first is waited for.
ObjectFinder::~ObjectFinder() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

bool ObjectFinder::ask(std::string key, const Candidate& candidate) {
  {
    auto state = state_.lock();
    if (state->waiting.size() >= kWaitingMax) return false;
    state->waiting.push_back({std::move(key), candidate});
  }
  asked_.notify_one();
  return true;
}

void ObjectFinder::run(const std::stop_token& stop) {
  while (true) {
    Question question;
    {
      auto state = state_.lock();
      if (!asked_.wait(state.mutex(), stop, [&] { return !state->waiting.empty(); })) return;
      question = std::move(state->waiting.front());
      state->waiting.pop_front();
    }
    const auto version = find_(question.key, stop);
    const bool found = version && version->has_value();
    {
      auto state = state_.lock();
      ++(found ? state->stats.found : state->stats.not_found);
    }
    if (found) found_(**version, question.candidate);
  }
}

ObjectFinderStats ObjectFinder::stats() const { return state_.lock()->stats; }

}  // namespace augurfs
