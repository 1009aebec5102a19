#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace augurfs {

// Waits for what nobody can notify of, by asking again and again; false, for ASSERT_TRUE, when it
// does not come.
inline bool eventually(const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace augurfs
