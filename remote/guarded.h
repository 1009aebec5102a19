#pragma once

#include <mutex>
#include <utility>

namespace augurfs {

// A value and the mutex that protects it: the value can be reached only through lock(). At most
// one Guarded is held at a time, and no network or file I/O happens while one is held.
template <typename T>
class Guarded {
 public:
  class Lock {
   public:
    explicit Lock(Guarded& owner) : lock_(owner.mutex_), value_(owner.value_) {}
    T* operator->() { return &value_; }
    T& operator*() { return value_; }
    // For condition variables that wait on this value.
    std::unique_lock<std::mutex>& mutex() { return lock_; }

   private:
    std::unique_lock<std::mutex> lock_;
    T& value_;
  };

  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  Lock lock() { return Lock(*this); }
  // Reading a value still takes the lock; the mutex is not part of the value's constness.
  Lock lock() const { return Lock(const_cast<Guarded&>(*this)); }

 private:
  std::mutex mutex_;
  T value_{};
};

}  // namespace augurfs
