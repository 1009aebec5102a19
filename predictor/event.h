#pragma once

#include <chrono>
#include <cstdint>

#include "predictor/object_id.h"
#include "remote/object_store.h"

namespace augurfs {

enum class Operation : std::uint8_t {
  kOpen,
  kRead,    // begins; recorded before its bytes are there, so that a prefetch can fly beside it
  kServed,  // a read that missed is over
  kRelease,
  kStat,         // a lookup that found an object
  kList,         // of a directory
  kListedAhead,  // nobody's access: a listing that a candidate asked for is known
};

// One access to one object or directory, as the file system saw it; cache hits included. Holds no
// text: what an id stands for is told to the Catalog.
struct Event {
  std::chrono::steady_clock::time_point time;
  Operation operation = Operation::kRead;
  bool hit = false;                  // kRead: every byte of it is in the cache
  bool by_kernel_readahead = false;  // kRead: no program asked for it yet
  bool recorded = false;             // of a program whose accesses are to become a profile
  bool past = false;                 // of an earlier mount: to learn from, nothing follows it now
  std::uint64_t handle = 0;          // the open file; unique for the life of a mount
  std::uint64_t stream = 0;   // whose accesses follow each other: a process; 0 when not known
  std::uint64_t program = 0;  // program_id() of its executable; 0 when not known
  ObjectId object{};
  std::uint64_t object_bytes = 0;
  ByteRange range;                     // kRead and kServed
  std::chrono::nanoseconds latency{};  // kServed
};

}  // namespace augurfs
