#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "remote/unique_fd.h"

namespace augurfs {

// A file that holds all bytes of a version: each was checked, and is on the disk. It is never
// written to again; while this lives it stays in the cache. When it does not live any more its
// chunks may be evicted, but no byte of the file is given back to the disk before everybody has
// closed and unmapped it (Disk::is_alone), so that who was given it reads right bytes to the end.
// Owner: whoever was given it; must not outlive the ChunkStore. Thread rule: any thread.
class PinnedFile {
 public:
  PinnedFile(UniqueFd descriptor, std::uint64_t size_bytes, std::function<void()> unpin)
      : descriptor_(std::move(descriptor)), size_bytes_(size_bytes), unpin_(std::move(unpin)) {}
  PinnedFile(const PinnedFile&) = delete;
  PinnedFile& operator=(const PinnedFile&) = delete;
  ~PinnedFile() { unpin_(); }

  // For reading; -1 once it was closed.
  int descriptor() const { return descriptor_.get(); }
  // For who has found another way to the file.
  void close() { descriptor_ = UniqueFd(); }
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  UniqueFd descriptor_;
  std::uint64_t size_bytes_;
  std::function<void()> unpin_;
};

}  // namespace augurfs
