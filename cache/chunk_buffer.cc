#include "cache/chunk_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>

namespace augurfs {

ChunkBuffer::~ChunkBuffer() {
  if (data_ != nullptr) pool_->take_back({data_, ChunkBufferPool::capacity(size_bytes_)});
}

// A power of two, so that the last chunks of files fit each other's memory.
std::size_t ChunkBufferPool::capacity(std::size_t size_bytes) {
  constexpr std::size_t kCapacityMin = 64U << 10U;
  return std::bit_ceil(std::max(size_bytes, kCapacityMin));
}

ChunkBuffer ChunkBufferPool::allocate(std::size_t size_bytes) {
  if (size_bytes == 0) return {};
  const std::size_t bytes = capacity(size_bytes);
  {
    auto kept = kept_.lock();
    const auto fits = std::find_if(kept->memories.rbegin(), kept->memories.rend(),
                                   [&](const Memory& m) { return m.capacity_bytes == bytes; });
    if (fits != kept->memories.rend()) {
      const Memory memory = *fits;
      kept->memories.erase(std::next(fits).base());
      kept->bytes -= bytes;
      return {this, memory.data, size_bytes};
    }
  }
  void* const data =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return {};
  return {this, static_cast<std::byte*>(data), size_bytes};
}

// The one longest unused makes room.
void ChunkBufferPool::take_back(Memory memory) {
  std::vector<Memory> surplus;
  {
    auto kept = kept_.lock();
    kept->memories.push_back(memory);
    kept->bytes += memory.capacity_bytes;
    auto end = kept->memories.begin();
    for (; kept->bytes > kKeptBytesMax; ++end) kept->bytes -= end->capacity_bytes;
    surplus.assign(kept->memories.begin(), end);
    kept->memories.erase(kept->memories.begin(), end);
  }
  for (const Memory& gone : surplus) ::munmap(gone.data, gone.capacity_bytes);
}

void ChunkBufferPool::clear() {
  Kept gone;
  std::swap(*kept_.lock(), gone);
  for (const Memory& memory : gone.memories) ::munmap(memory.data, memory.capacity_bytes);
}

}  // namespace augurfs
