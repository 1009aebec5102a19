#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "remote/object_store.h"
#include "remote/result.h"
#include "remote/unique_fd.h"

namespace augurfs {

// What a system call that failed means to us: kNotFound, kNoSpace, kDenied, kReadOnly, else
// kUnavailable. The message names the operation, the path and the kernel's reason.
Error disk_error(int error_number, const char* operation, const std::filesystem::path& path);

// The door to the files that hold chunks: system calls made whole (interrupted and short ones are
// continued) and turned into results. Virtual so that a test's disk can fail any of them.
// Thread rule: any thread.
class Disk {
 public:
  Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  virtual ~Disk() = default;

  virtual Result<UniqueFd> open(const std::filesystem::path& path, int flags);
  // Bytes read: fewer than asked only at the end of the file.
  virtual Result<std::size_t> read(int fd, std::uint64_t offset, std::span<std::byte> out);
  virtual Result<void> write(int fd, std::uint64_t offset, std::span<const std::byte> bytes);
  virtual Result<void> resize(int fd, std::uint64_t size_bytes);
  // Gives the blocks of a range back to the file system; the range then reads as zeros.
  virtual Result<void> punch(int fd, ByteRange range);
  // The parts of a file that are no holes.
  virtual Result<std::vector<ByteRange>> data(int fd);
  // Removing what is not there is no error.
  virtual Result<void> remove(const std::filesystem::path& path);
  // Waits until what was written to the file is on the disk.
  virtual Result<void> sync(int fd);
  // An error when the kernel could not bring to the disk what was written to the file while `fd`
  // was open, or shortly before; each is told once to each descriptor. Waits for nothing.
  virtual Result<void> check_written(int fd);
  // Whether nobody else, in whatever process, has the file of `fd` open or mapped; `fd` is open for
  // reading and writing. kInvalid when the file system cannot tell.
  virtual Result<bool> is_alone(int fd);
  // What an ordinary user may still write on the disk of `path`.
  virtual Result<std::uint64_t> free_bytes(const std::filesystem::path& path);
  // What a file or directory occupies; 0 when it is not there.
  virtual Result<std::uint64_t> allocated_bytes(const std::filesystem::path& path);
};

// The machine's own.
Disk& real_disk();

}  // namespace augurfs
