#pragma once

#include <cstddef>
#include <utility>

namespace augurfs {

// Memory for one chunk, or none. It is mapped from and given back to the system, not malloc: what
// malloc gives back of megabytes allocated and freed by many threads is a matter of luck, and a
// daemon that has been read from for a week must be as small as on its first day.
class ChunkBuffer {
 public:
  ChunkBuffer() = default;
  ChunkBuffer(ChunkBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  ChunkBuffer& operator=(ChunkBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    return *this;
  }
  ~ChunkBuffer();

  // Holds no memory when the system has none, or when `size_bytes` is 0.
  static ChunkBuffer allocate(std::size_t size_bytes);

  explicit operator bool() const { return data_ != nullptr; }
  std::byte* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

}  // namespace augurfs
