#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/disk.h"
#include "remote/guarded.h"

namespace augurfs {

// The files that hold chunks: objects/ab/<id>, sparse, one per version, as long as the version.
//
// Keeps up to kOpenFilesMax of them open. Thread rule: any thread; writes to one file take turns.
// The caller sees to it that a range is not written while it is punched. Errors are the disk's;
// kNotFound when the file is not there.
class ChunkFiles {
 public:
  static constexpr std::size_t kOpenFilesMax = 256;

  ChunkFiles(std::filesystem::path root, Disk& disk);

  // Makes the root directory. Call once before anything else.
  Result<void> prepare();

  // Fewer bytes than asked only at the end of the file.
  Result<std::size_t> read(std::uint64_t object, std::uint64_t offset, std::span<std::byte> out);
  // Creates the file, `size_bytes` long, unless it is there.
  Result<void> create(std::uint64_t object, std::uint64_t size_bytes);
  Result<void> write(std::uint64_t object, std::uint64_t offset, std::span<const std::byte> bytes);
  Result<void> punch(std::uint64_t object, ByteRange range);
  Result<std::vector<ByteRange>> data(std::uint64_t object);
  Result<void> remove(std::uint64_t object);
  // Closes the file if it is open. For a reader that was overtaken by its removal: an open file
  // holds on to its blocks.
  void close(std::uint64_t object);

  // Calls `file` with the number of every file there is, until it returns false.
  Result<void> each(const std::function<bool(std::uint64_t)>& file) const;

  // Whether there has never been a file here.
  bool none() const;

  // What the directories themselves occupy.
  std::uint64_t directory_bytes() const { return directory_bytes_.load(); }

 private:
  struct OpenFile {
    explicit OpenFile(FileDescriptor opened) : descriptor(std::move(opened)) {}

    const FileDescriptor descriptor;
    // The kernel lets one writer into a file at a time, and the others spin.
    std::mutex writing;
  };
  using File = std::shared_ptr<OpenFile>;
  static constexpr std::size_t kShards = 256;
  // Most recently used first; `by_object` finds a file in `files`.
  struct OpenFiles {
    std::list<std::pair<std::uint64_t, File>> files;
    std::unordered_map<std::uint64_t, std::list<std::pair<std::uint64_t, File>>::iterator>
        by_object;
  };

  std::filesystem::path shard_path(std::size_t shard) const;
  std::filesystem::path path(std::uint64_t object) const;
  Result<File> open(std::uint64_t object, int extra_flags);
  void measure(std::size_t shard);

  const std::filesystem::path root_;
  Disk& disk_;
  Guarded<OpenFiles> open_files_;
  std::array<std::atomic<std::uint64_t>, kShards> shard_bytes_{};
  std::atomic<std::uint64_t> directory_bytes_{0};
};

}  // namespace augurfs
