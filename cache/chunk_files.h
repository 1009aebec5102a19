#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/disk.h"
#include "remote/guarded.h"

namespace augurfs {

// The files that hold chunks: objects/ab/<id>, sparse, one per version, as long as the version.
//
// Keeps up to kOpenFilesMax of them open, and up to kWatchedFilesMax that are watched.
//
// What is written stands in the kernel's memory at first. When the kernel fails to bring it to the
// disk it says so to those who have the file open, once, and may forget it: a later read then
// finds on the disk what was there before. So a file is watched from before a write until sync()
// has brought it to the disk: it stays open, and check_written() tells whether anything was lost.
//
// Thread rule: any thread; writes to one file take turns. The caller sees to it that a range
// is not written while it is punched. Errors are the disk's; kNotFound when the file is not there.
class ChunkFiles {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kOpenFilesMax = 256;
  static constexpr std::size_t kWatchedFilesMax = 256;
  // After so long without a write a watched file is ready for sync(): the kernel has begun to
  // write what is 30 s old by itself, so that little is left to wait for.
  static constexpr std::chrono::seconds kSettle{60};

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
  // Closes the file if it is open, and ends its watch. For a reader that was overtaken by its
  // removal: an open file holds on to its blocks.
  void close(std::uint64_t object);

  // Opens the file once more, for others to read from.
  Result<UniqueFd> lend(std::uint64_t object);
  Result<std::uint64_t> allocated_bytes(std::uint64_t object) const;
  // Whether nobody but me has the file open or mapped; a file that is not there nobody has. Who
  // reads through me at this moment may count as another.
  Result<bool> is_alone(std::uint64_t object);

  // Watches a file from here on. The number of the watch, the same until it ends; 0 when the file
  // cannot be opened or too many are watched.
  enum class WatchFor : bool { kReading, kWriting };
  std::uint64_t watch(std::uint64_t object, WatchFor what, Time now);
  // Whether it is watched, and if so whether it has been written to since the watch began.
  std::optional<WatchFor> watched(std::uint64_t object) const;
  // A watched file is to be synced next, however short ago it was written to.
  void hasten(std::uint64_t object);
  // What was read from the file before this call is what was written to it, unless this is an
  // error. Waits for nothing.
  Result<void> check_written(std::uint64_t object) const;
  // The watched file to sync() next; nullopt when none has settled and there is room for more.
  std::optional<std::uint64_t> settled(Time now) const;
  // Brings to the disk what was written to a watched file, and ends its watch if nothing more was
  // written meanwhile. After an error, the watch goes on until the file is closed or removed.
  Result<void> sync(std::uint64_t object);

  // Calls `file` with the number of every file there is, until it returns false.
  Result<void> each(const std::function<bool(std::uint64_t)>& file) const;

  // Whether there has never been a file here.
  bool none() const;

  // What the directories themselves occupy.
  std::uint64_t directory_bytes() const { return directory_bytes_.load(); }

 private:
  struct OpenFile {
    explicit OpenFile(UniqueFd opened) : descriptor(std::move(opened)) {}

    const UniqueFd descriptor;
    // The kernel lets one writer into a file at a time, and the others spin.
    std::mutex writing;
    // The disk tells an error once, and it must be true for all who ask.
    Guarded<std::optional<Error>> lost;
  };
  using File = std::shared_ptr<OpenFile>;
  struct Watched {
    File file;
    std::uint64_t number = 0;
    std::uint64_t last_touch = 0;  // grows with every watch() of any file
    Time touched;
    bool written = false;
    bool hastened = false;
  };
  static constexpr std::size_t kShards = 256;
  // Most recently used first; `by_object` finds a file in `files`.
  struct OpenFiles {
    std::list<std::pair<std::uint64_t, File>> files;
    std::unordered_map<std::uint64_t, std::list<std::pair<std::uint64_t, File>>::iterator>
        by_object;
    std::unordered_map<std::uint64_t, Watched> watched;
    std::uint64_t touches = 0;
  };

  std::filesystem::path shard_path(std::size_t shard) const;
  std::filesystem::path path(std::uint64_t object) const;
  Result<File> open(std::uint64_t object, int extra_flags);
  Result<void> check_written(OpenFile& file) const;
  void measure(std::size_t shard);

  const std::filesystem::path root_;
  Disk& disk_;
  Guarded<OpenFiles> open_files_;
  std::array<std::atomic<std::uint64_t>, kShards> shard_bytes_{};
  std::atomic<std::uint64_t> directory_bytes_{0};
};

}  // namespace augurfs
