#pragma once

#include <cstdint>

namespace augurfs {

// The account of disk space: what chunks are charged, what else the directory occupies, what is
// on its way to the disk. Space is taken before bytes are written and given back after they are
// gone, so neither the quota nor the free-space floor is crossed even for a moment.
// Thread rule: one thread at a time.
class Space {
 public:
  // How the free space of the disk was found: ask written() first, then the disk. What is
  // written in between is then counted twice rather than not at all.
  struct DiskFree {
    std::uint64_t bytes = 0;
    std::uint64_t written_before = 0;
  };

  // `growth_bytes` is what the rest of the directory may grow by unseen.
  Space(std::uint64_t bytes_max, std::uint64_t free_bytes_min, std::uint64_t block_bytes,
        std::uint64_t growth_bytes);

  // What a chunk of this length, and a file of this size before its first chunk, may occupy at
  // most, the file system's own bookkeeping included.
  std::uint64_t chunk_charge(std::uint64_t length) const;
  std::uint64_t file_charge(std::uint64_t size) const;

  // How much must be given back before `charge` may be taken; 0: it may.
  std::uint64_t shortage(std::uint64_t charge, DiskFree disk) const;
  // That of the disk alone, whatever the quota.
  std::uint64_t shortage_of_disk(std::uint64_t charge, DiskFree disk) const;

  void take(std::uint64_t charge);    // before writing
  void settle(std::uint64_t charge);  // after writing, whether it went well or not
  void adopt(std::uint64_t charge);   // on disk since an earlier run
  void give_back(std::uint64_t charge);
  void set_overhead(std::uint64_t bytes) { overhead_ = bytes; }

  std::uint64_t written() const { return written_; }
  std::uint64_t used() const { return charged_ + overhead_; }
  std::uint64_t for_chunks() const;  // of the quota, what the rest of the directory leaves

 private:
  std::uint64_t bytes_max_;
  std::uint64_t free_bytes_min_;
  std::uint64_t block_bytes_;
  std::uint64_t growth_bytes_;
  std::uint64_t charged_ = 0;
  std::uint64_t overhead_ = 0;
  std::uint64_t taken_ = 0;    // ever
  std::uint64_t written_ = 0;  // of those, also settled
};

}  // namespace augurfs
