#include "cache/chunk_buffer.h"

#include <sys/mman.h>

namespace augurfs {

ChunkBuffer::~ChunkBuffer() {
  if (data_ != nullptr) ::munmap(data_, size_bytes_);
}

ChunkBuffer ChunkBuffer::allocate(std::size_t size_bytes) {
  ChunkBuffer buffer;
  void* const data =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return buffer;
  buffer.data_ = static_cast<std::byte*>(data);
  buffer.size_bytes_ = size_bytes;
  return buffer;
}

}  // namespace augurfs
