#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "fs/file_system.h"
#include "fs/passthrough.h"
#include "remote/result.h"

namespace augurfs {

struct FuseSessionOptions {
  std::string source;               // what `mount` and `df` show: the URL
  std::filesystem::path directory;  // absolute; where to mount
  bool allow_other = false;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t file_mode = 0444;  // permission bits
  std::uint32_t directory_mode = 0555;
  std::chrono::milliseconds name_ttl{60'000};  // how long the kernel believes where a name leads
  int threads = 16;                            // requests served at once
  bool passthrough = false;                    // where the kernel and our rights allow
  std::filesystem::path cache_directory;       // for passthrough: where the files lie
  std::uint64_t idle_bytes_max = 0;            // see Passthrough
};

// A file system mounted through the kernel: decodes requests, calls the FileSystem, replies. Every
// request is replied to exactly once; everything that would write is answered with EROFS.
//
// An interrupted request (a signal to the process that waits) and stop() fire the stop token of
// the call they wait for.
// Thread rule: mount(), run() and the destructor belong to one thread; stop() and store() may come
// from any thread but the one in run(). `file_system` is borrowed and outlives the session. A
// process holds at most one session that runs.
class FuseSession {
 public:
  struct Parts;  // defined, and used, where libfuse is

  // Mounts. From here on the mount point answers as soon as run() does; the destructor unmounts.
  static Result<std::unique_ptr<FuseSession>> mount(const FuseSessionOptions& options,
                                                    FileSystem& file_system);
  FuseSession(const FuseSession&) = delete;
  FuseSession& operator=(const FuseSession&) = delete;
  ~FuseSession();

  // Serves requests until the file system is unmounted or stop() is called; no request is being
  // served any more when it returns. `on_ready` is called once, on a thread of the session's own,
  // when the mount point has answered.
  Result<void> run(const std::function<void()>& on_ready);

  // Puts all bytes of a file into the kernel's page cache. Not from a thread that serves a request,
  // and not while a read of the file is being served: the kernel locks its pages for both.
  // kNotFound when the kernel has forgotten the inode, kUnavailable once the session has ended.
  Result<void> store(InodeNumber inode, std::span<const std::byte> bytes);

  PassthroughStats passthrough() const;

  // Ends run(), the requests it serves included, and returns when it has ended or never ran.
  void stop();

 private:
  explicit FuseSession(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
