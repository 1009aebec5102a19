#include "fs/failure_log.h"

#include <algorithm>

namespace augurfs {

bool FailureLog::is_news(InodeNumber inode, ErrorCode code,
                         std::chrono::steady_clock::time_point now) {
  auto state = state_.lock();
  const bool known = std::any_of(state->latest.begin(), state->latest.end(),
                                 [&](const std::optional<Failure>& failure) {
                                   return failure && failure->inode == inode &&
                                          failure->code == code && now - failure->time < kOldAfter;
                                 });
  if (known) return false;
  state->latest.at(state->next) = Failure{inode, code, now};
  state->next = (state->next + 1) % kRemembered;
  return true;
}

}  // namespace augurfs
