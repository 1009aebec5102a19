#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "remote/guarded.h"

namespace augurfs {

class ChunkBufferPool;

// Memory for one chunk, or none. The pool it is from outlives it.
class ChunkBuffer {
 public:
  ChunkBuffer() = default;
  ChunkBuffer(ChunkBuffer&& other) noexcept
      : pool_(other.pool_),
        data_(std::exchange(other.data_, nullptr)),
        size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  ChunkBuffer& operator=(ChunkBuffer&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    return *this;
  }
  ~ChunkBuffer();

  explicit operator bool() const { return data_ != nullptr; }
  std::byte* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  friend class ChunkBufferPool;
  ChunkBuffer(ChunkBufferPool* pool, std::byte* data, std::size_t size_bytes)
      : pool_(pool), data_(data), size_bytes_(size_bytes) {}

  ChunkBufferPool* pool_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

// Where chunk buffers come from and go to. A few are kept for the next chunk: the page faults of
// fresh memory cost as much as receiving the bytes. The rest is mapped from and given back to the
// system, not malloc: what malloc gives back of megabytes allocated and freed by many threads is a
// matter of luck, and a daemon that has been read from for a week must be as small as on its first
// day. Thread rule: any thread.
class ChunkBufferPool {
 public:
  static constexpr std::size_t kKeptBytesMax = 8 << 20;

  ChunkBufferPool() = default;
  ChunkBufferPool(const ChunkBufferPool&) = delete;
  ChunkBufferPool& operator=(const ChunkBufferPool&) = delete;
  ~ChunkBufferPool() { clear(); }

  // Holds no memory when the system has none, or when `size_bytes` is 0. What is in it is left
  // over from others.
  ChunkBuffer allocate(std::size_t size_bytes);
  // Gives back what is kept.
  void clear();
  std::size_t kept_bytes() const { return kept_.lock()->bytes; }

 private:
  friend class ChunkBuffer;
  struct Memory {
    std::byte* data = nullptr;
    std::size_t capacity_bytes = 0;
  };
  struct Kept {
    std::vector<Memory> memories;  // the one last used at the end
    std::size_t bytes = 0;
  };

  static std::size_t capacity(std::size_t size_bytes);
  void take_back(Memory memory);

  mutable Guarded<Kept> kept_;
};

}  // namespace augurfs
