#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "cache/pinned_file.h"
#include "fs/file_system.h"
#include "remote/guarded.h"
#include "remote/result.h"

namespace augurfs {

// The kernel reads and maps a file of the cache by itself, without asking the daemon (Linux 6.9).
// libfuse knows of it from 3.17 on; with an older one the few words that are spoken with the kernel
// are put into its messages here, whose layout is a promise of the kernel (linux/fuse.h). Debian's
// header may be older than that part of it, so the constants are our own.
namespace fuse_wire {

// Of the first request: whether the kernel offers it.
bool offers_passthrough(std::span<const std::byte> init_request);
// Takes the offer up. `stack_depth`: of file systems upon one another, this one included; 1, or 2
// where the cache lies on an overlay. The kernel allows 2.
void accept_passthrough(std::span<std::byte> init_reply_body, std::uint32_t stack_depth);
bool is_on_overlay(const std::filesystem::path& directory);

// The number by which the kernel knows a file that it may read by itself.
Result<std::int32_t> open_backing(int device, int file);
void close_backing(int device, std::int32_t backing);

// The body of a reply to OPEN, as libfuse before 3.17 cannot write it.
struct OpenReply {
  std::uint64_t handle = 0;
  std::uint32_t flags = 0;
  std::int32_t backing = 0;
};
OpenReply open_reply(std::uint64_t handle, std::int32_t backing, bool direct);

}  // namespace fuse_wire

struct PassthroughStats {
  bool on = false;
  std::string reason;       // why it is not
  std::uint64_t opens = 0;  // that the kernel serves by itself, since the start
  std::uint64_t files = 0;  // it may read so now
};

// Which opens are passed through.
//
// The kernel keeps each inode in one of two modes as long as it is open: cached, where it asks the
// daemon for pages, or passed through, to one file. An open that does not fit fails with EIO. A
// descriptor that is closed and still mapped is not released, and so is open to the kernel as to
// us. Its own count of opens never exceeds ours: it lowers it before it tells of a release. So the
// first open decides for the inode, all others follow until none is left. An open with O_DIRECT of
// an inode that is passed through goes to the daemon, which the kernel allows beside it.
//
// A file that nobody has open any more stays known to the kernel for a while: the most recent ones,
// up to kIdleMax and a bound of bytes, for they stay in the cache meanwhile.
// Thread rule: any thread. Errors are none: what cannot be passed through is cached.
class Passthrough {
 public:
  static constexpr std::size_t kIdleMax = 64;

  struct Device {  // the kernel
    std::function<Result<std::int32_t>(int file)> open;
    std::function<void(std::int32_t backing)> close;
  };
  using Pin = std::function<std::unique_ptr<PinnedFile>()>;
  struct Answer {
    std::int32_t backing = 0;  // 0: cached
    bool fresh = false;        // the kernel did not know the file before
  };

  // `reason` is why it is off until start().
  Passthrough(Device device, std::uint64_t idle_bytes_max, std::string reason);

  // Once a trial has told whether it works.
  void start(const Result<void>& trial);
  // How to answer an open; release() for each, also when the answer did not reach the kernel.
  // Without a `pin` an inode that nobody has open becomes cached.
  Answer open(InodeNumber inode, const Pin& pin);
  void release(InodeNumber inode);
  // The kernel knows none any more: the connection is over.
  void end();

  PassthroughStats stats() const;

 private:
  struct Inode {
    std::uint64_t opens = 0;
    std::int32_t backing = 0;
    std::unique_ptr<PinnedFile> file;  // exactly where there is a backing
  };
  struct State {
    std::unordered_map<InodeNumber, Inode> inodes;
    std::deque<InodeNumber> idle;  // with a backing and no opens, the oldest first
    std::uint64_t idle_bytes = 0;
    PassthroughStats stats;
  };

  static Answer join(State& state, InodeNumber number, Inode& inode);
  void let_kernel_read(Inode& inode, std::unique_ptr<PinnedFile> file);
  bool is_on() const;

  const Device device_;
  const std::uint64_t idle_bytes_max_;
  Guarded<State> state_;
};

}  // namespace augurfs
