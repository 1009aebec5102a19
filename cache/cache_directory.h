#pragma once

#include <cstdint>
#include <filesystem>

#include "cache/disk.h"
#include "remote/result.h"

namespace augurfs {

// The directory that one daemon owns: made when missing, private to its user (0700), locked for as
// long as this lives.
//
// A directory that holds somebody's other files is refused rather than taken over. Errors say what
// is wrong and what to do: kInvalid (a file, foreign content, a file system without holes),
// kDenied (not ours, not writable), kUnavailable (in use; names the process), kNoSpace, kReadOnly.
class CacheDirectory {
 public:
  static Result<CacheDirectory> open(const std::filesystem::path& path);
  // What open() does first: makes the directory, and its parents, unless it is there.
  static Result<void> make(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path index_path() const { return path_ / "index.db"; }
  std::filesystem::path objects_path() const { return path_ / "objects"; }
  // The unit in which the file system gives and takes back space.
  std::uint64_t block_bytes() const { return block_bytes_; }

  // What everything but the chunk files occupies: the index, its journal, the lock.
  std::uint64_t overhead_bytes(Disk& disk) const;

 private:
  CacheDirectory(std::filesystem::path path, UniqueFd lock, std::uint64_t block_bytes);

  std::filesystem::path path_;
  UniqueFd lock_;
  std::uint64_t block_bytes_;
};

}  // namespace augurfs
