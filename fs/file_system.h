#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "cache/cache.h"
#include "fs/stream_table.h"
#include "predictor/exclusions.h"
#include "predictor/prefetcher.h"
#include "remote/result.h"

namespace augurfs {

enum class InodeNumber : std::uint64_t {};
inline constexpr InodeNumber kRootInode{1};
inline constexpr InodeNumber kUnknownInode{0xffffffff};  // what libfuse says in such a case
enum class HandleNumber : std::uint64_t {};

enum class FileKind : std::uint8_t { kFile, kDirectory };

// Of one inode they never change: a name that means something else gets another inode.
struct Attributes {
  InodeNumber inode = kRootInode;
  FileKind kind = FileKind::kFile;
  std::uint64_t size_bytes = 0;
  std::chrono::sys_seconds modified;
};

struct SpaceUsage {
  std::uint64_t cache_bytes_used = 0;
  std::uint64_t cache_bytes_max = 0;
};

struct FileSystemOptions {
  std::string prefix;                    // "" or ending in "/": the root of the mount in the bucket
  std::filesystem::path proc = "/proc";  // where streams are found
  Exclusions exclusions;                 // what is not told to the prefetcher
};

struct FileSystemStats {
  std::uint64_t inodes = 0;  // known to the kernel now
  std::uint64_t open_files = 0;
  std::uint64_t unreachable_keys = 0;  // no path leads to them; of the directories opened so far
  std::uint64_t stored_opened = 0;     // files opened after they were stored, see begin_store()
  std::uint64_t stored_opened_bytes = 0;
};

// Called once per directory entry, in an order that is stable for one open directory. `position`
// is what read_directory takes to go on after this entry. Returning false ends the enumeration
// without counting this entry as delivered.
using EntrySink = std::function<bool(std::string_view name, const Attributes& attributes,
                                     std::uint64_t position)>;

// A read-only file system over the keys of a bucket; docs/semantics.md is its contract. It knows
// nothing of FUSE and runs without a kernel.
//
// An inode is one version of an object, or a directory, for ever. When an object is replaced its
// name leads to a fresh inode, as after rename(2) over a file; so pages the kernel keeps of an
// inode are never of two versions, and it may keep them from one open to the next.
// An inode lives while its lookup count is above zero, as in FUSE: lookup() and each entry
// delivered by read_directory() with `count_lookups` add one, forget() takes away.
// Thread rule: any thread. `cache` and `prefetcher` are borrowed and outlive the file system;
// prefetcher may be null. Calls block; `stop` ends them with kCancelled. `caller` is for the
// prefetcher alone: what is recorded of a handle belongs to the stream that opened it, unless
// another thread reads.
class FileSystem {
 public:
  FileSystem(FileSystemOptions options, Cache& cache, Prefetcher* prefetcher);
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  ~FileSystem();

  // kNotFound when the directory has no such name.
  Result<Attributes> lookup(InodeNumber parent, std::string_view name, std::stop_token stop,
                            Caller caller = {});
  void forget(InodeNumber inode, std::uint64_t lookups);
  // Makes no request.
  Result<Attributes> attributes(InodeNumber inode) const;

  // Checks the version with the store when what is known is older than the time to live. kStale
  // when the name leads to another inode by now (the kernel then looks it up again and opens that),
  // kNotFound when it leads to none.
  Result<HandleNumber> open(InodeNumber inode, std::stop_token stop, Caller caller = {});
  // Bytes of the version that was current at open, fewer than out.size() only at its end; kStale
  // when that version is gone from the store and the bytes are not cached.
  Result<std::size_t> read(HandleNumber handle, std::uint64_t offset, std::span<std::byte> out,
                           std::stop_token stop, Caller caller = {});
  void release(HandleNumber handle);

  // The file of the cache that holds all of what was opened, when all of it is there and right, and
  // it is large enough that the kernel should read it by itself. Null otherwise.
  std::unique_ptr<PinnedFile> pin(HandleNumber handle);
  // It does: this counts as a read of all of it, for no read will be seen. `fresh`: it did not
  // before.
  void is_passed_through(HandleNumber handle, bool fresh);

  // For who stores a file in the kernel before it is asked for; one thread at a time. The inode of
  // a version that the kernel knows, which was never open and never stored.
  std::optional<InodeNumber> storable(const Version& version) const;
  // True when it still is. An open of it then waits for end_store(), so that while it is stored no
  // read of it is being served; and its first open counts as the read of all of it which the
  // kernel will not ask for.
  bool begin_store(InodeNumber inode);
  void end_store(InodeNumber inode, bool stored);
  // Whether it was stored, and still lives without having been opened.
  bool awaits_open(InodeNumber inode) const;

  Result<HandleNumber> open_directory(InodeNumber inode, std::stop_token stop, Caller caller = {});
  // Goes on after `position` (0: from the start); "." and ".." are included and never counted. The
  // entries are those that were there at open_directory. Without `count_lookups` an entry that has
  // no inode yet shows kUnknownInode.
  Result<void> read_directory(HandleNumber handle, std::uint64_t position, bool count_lookups,
                              const EntrySink& sink, std::stop_token stop);
  void release_directory(HandleNumber handle);

  // What processes below this one do is marked as recorded, from now on. 0: nothing is.
  void mark_below(std::uint32_t process);
  // Of a file that the kernel knows.
  Result<Version> version(InodeNumber inode) const;
  SpaceUsage space() const;
  FileSystemStats stats() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
