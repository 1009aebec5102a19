#include "predictor/scout.h"

#include <utility>

namespace augurfs {

Scout::Scout(List list, Found found) : list_(std::move(list)), found_(std::move(found)) {
  threads_.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

// All are told before the first is waited for.
Scout::~Scout() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

bool Scout::ask(ListingWanted wanted) {
  auto waiting = waiting_.lock();
  if (waiting->size() >= kWaitingMax) return false;
  waiting->push_back(std::move(wanted));
  work_.notify_one();
  return true;
}

void Scout::run(const std::stop_token& stop) {
  while (true) {
    ListingWanted wanted;
    {
      auto waiting = waiting_.lock();
      if (!work_.wait(waiting.mutex(), stop, [&] { return !waiting->empty(); })) return;
      wanted = std::move(waiting->front());
      waiting->pop_front();
    }
    if (stop.stop_requested()) return;
    auto listing = list_(wanted.prefix, stop);
    if (listing) found_(wanted, std::move(*listing));
  }
}

}  // namespace augurfs
