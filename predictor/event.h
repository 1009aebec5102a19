#pragma once

#include <chrono>
#include <cstdint>

#include "remote/object_store.h"

namespace augurfs {

enum class Operation : std::uint8_t { kOpen, kRead, kRelease };

// One access to one object, as the file system saw it; cache hits included.
struct Event {
  std::chrono::steady_clock::time_point time;
  Operation operation = Operation::kRead;
  std::uint64_t handle = 0;   // open file the access went through; unique for the life of a mount
  std::uint32_t process = 0;  // who asked, as the kernel tells it; 0 for the kernel's own readahead
  Version version;
  ByteRange range;   // kRead only
  bool hit = false;  // kRead only: no byte waited for the store
};

}  // namespace augurfs
