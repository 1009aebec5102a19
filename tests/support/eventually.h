#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace augurfs {

// Waits for what nobody can notify of; false when it does not come.
inline bool eventually(const std::function<bool()>& is_so) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!is_so() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return is_so();
}

}  // namespace augurfs
