#include "cache/space.h"

#include <algorithm>

namespace augurfs {
namespace {

// ext4 keeps four extents of a file in the inode and more in blocks of their own, up to 340 in a
// block of 4 KiB. However a chunk is torn into extents, 1/128 of it and one block per file cover
// them; xfs and btrfs need less.
constexpr std::uint64_t kExtentShare = 128;
constexpr std::uint64_t kInodeExtents = 4;

std::uint64_t above(std::uint64_t value, std::uint64_t limit) {
  return value > limit ? value - limit : 0;
}

}  // namespace

Space::Space(std::uint64_t bytes_max, std::uint64_t free_bytes_min, std::uint64_t block_bytes,
             std::uint64_t growth_bytes)
    : bytes_max_(bytes_max),
      free_bytes_min_(free_bytes_min),
      block_bytes_(block_bytes),
      growth_bytes_(growth_bytes) {}

std::uint64_t Space::chunk_charge(std::uint64_t length) const {
  const std::uint64_t blocks = (length + block_bytes_ - 1) / block_bytes_ * block_bytes_;
  return blocks + blocks / kExtentShare;
}

std::uint64_t Space::file_charge(std::uint64_t size) const {
  return size > kInodeExtents * block_bytes_ ? block_bytes_ : 0;
}

std::uint64_t Space::shortage(std::uint64_t charge, DiskFree disk) const {
  return std::max(above(used() + charge + growth_bytes_, bytes_max_),
                  shortage_of_disk(charge, disk));
}

std::uint64_t Space::shortage_of_disk(std::uint64_t charge, DiskFree disk) const {
  const std::uint64_t unwritten = taken_ - disk.written_before;
  return above(free_bytes_min_ + unwritten + charge + growth_bytes_, disk.bytes);
}

std::uint64_t Space::for_chunks() const { return above(bytes_max_, overhead_ + growth_bytes_); }

void Space::take(std::uint64_t charge) {
  charged_ += charge;
  taken_ += charge;
}

void Space::settle(std::uint64_t charge) { written_ += charge; }

void Space::adopt(std::uint64_t charge) { charged_ += charge; }

void Space::give_back(std::uint64_t charge) { charged_ -= std::min(charge, charged_); }

}  // namespace augurfs
