#include "fs/options.h"

namespace augurfs {

std::uint64_t SizeOrShare::resolve(std::uint64_t disk_bytes) const {
  if (share == 0) return bytes;
  // A double cannot hold every 64-bit size; the last bits of a share of a disk do not matter, but
  // 100 % must not come out above the disk.
  if (share >= 1) return disk_bytes;
  return static_cast<std::uint64_t>(share * static_cast<double>(disk_bytes));
}

}  // namespace augurfs
