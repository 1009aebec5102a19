#include "fs/fuse_session.h"

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 14)
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <condition_variable>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "cache/disk.h"
#include "fs/captured_stderr.h"
#include "fs/errno.h"
#include "fs/failure_log.h"
#include "fs/fuse_arguments.h"
#include "fs/kernel_readahead.h"
#include "fs/key_rules.h"
#include "fs/mount_health.h"
#include "fs/mount_table.h"
#include "fs/passthrough.h"
#include "fs/unmount.h"
#include "remote/guarded.h"
#include "remote/unique_fd.h"

namespace augurfs {

namespace {

constexpr std::chrono::milliseconds kWakePeriod{20};
// An inode is one version for ever: what changes is the name that leads to it.
constexpr double kAttributesTimeoutSeconds = 24 * 3600;

}  // namespace

struct FuseSession::Parts {
  enum class Phase : std::uint8_t { kMounted, kRunning, kEnded };
  struct State {
    Phase phase = Phase::kMounted;
    bool stop = false;
    pthread_t runner{};
  };

  Parts(FuseSessionOptions session_options, FileSystem& served)
      : options(std::move(session_options)),
        file_system(served),
        passthrough(
            {.open = [this](int file) { return fuse_wire::open_backing(device(), file); },
             .close = [this](std::int32_t number) { fuse_wire::close_backing(device(), number); }},
            options.idle_bytes_max,
            options.passthrough ? "the kernel does not offer it" : "mount.passthrough is off") {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    if (session == nullptr) return;
    unmount_and_clear();
    fuse_session_destroy(session);
  }

  // libfuse leaves an aborted mount (umount -f, or its `abort` file in /sys) to whoever comes next.
  void unmount_and_clear() {
    *takes_stores.lock() = false;
    passthrough.end();
    fuse_session_unmount(session);
    const auto entry = mount_on(options.directory);
    if (!entry || !entry->is_ours()) return;
    if (ask_mount(options.directory) != MountHealth::kDead) return;
    const auto gone = augurfs::unmount(options.directory, Detach::kLazily);
    if (!gone) spdlog::warn("fuse.not_unmounted message={:?}", gone.error().message);
  }

  int device() const { return fuse_session_fd(session); }

  const FuseSessionOptions options;
  FileSystem& file_system;
  fuse_session* session = nullptr;
  Passthrough passthrough;
  std::atomic<bool> init_heard = false;           // see read_device()
  std::atomic<bool> passthrough_offered = false;  // and wanted
  std::atomic<bool> init_unsaid = true;           // see write_device()
  bool parallel_dirops = false;                   // the kernel can
  std::stop_source stop;                          // ends the requests in service
  FailureLog failures;
  std::condition_variable changed;
  Guarded<State> state;
  // Held while a file is stored, which waits for no request: libfuse closes the device when it
  // unmounts, and the number of its descriptor must not be written to after that.
  Guarded<bool> takes_stores = Guarded<bool>(true);
};

namespace {

using Parts = FuseSession::Parts;

Parts& parts_of(fuse_req_t request) { return *static_cast<Parts*>(fuse_req_userdata(request)); }

Caller caller_of(fuse_req_t request) {
  const fuse_ctx* context = fuse_req_ctx(request);
  return {static_cast<std::uint32_t>(context->pid), context->uid};
}

// Calls `call` with a token that fires when the kernel interrupts the request or the session
// stops. No reply is sent meanwhile, so the request outlives the interrupt function.
template <typename Call>
auto interruptible(fuse_req_t request, Call call) {
  std::stop_source source;
  const std::stop_callback with_session(parts_of(request).stop.get_token(),
                                        [&source] { source.request_stop(); });
  const auto interrupt = [](fuse_req_t, void* data) {
    static_cast<std::stop_source*>(data)->request_stop();
  };
  fuse_req_interrupt_func(request, interrupt, &source);
  auto result = call(source.get_token());
  fuse_req_interrupt_func(request, nullptr, nullptr);
  return result;
}

void reply_error(fuse_req_t request, const char* operation, fuse_ino_t inode, const Error& error) {
  const bool expected = error.code == ErrorCode::kNotFound || error.code == ErrorCode::kCancelled ||
                        error.code == ErrorCode::kInvalid || error.code == ErrorCode::kStale;
  const bool quiet =
      expected || !parts_of(request).failures.is_news(InodeNumber{inode}, error.code,
                                                      std::chrono::steady_clock::now());
  spdlog::log(quiet ? spdlog::level::debug : spdlog::level::warn,
              "fuse.failed operation={} inode={} error={} message={:?}", operation, inode,
              to_string(error.code), error.message);
  fuse_reply_err(request, to_errno(error.code));
}

struct stat to_stat(const FuseSessionOptions& options, const Attributes& attributes) {
  constexpr std::uint64_t kStatBlockBytes = 512;
  const bool is_directory = attributes.kind == FileKind::kDirectory;
  struct stat out {};
  out.st_ino = static_cast<ino_t>(attributes.inode);
  out.st_mode = is_directory ? S_IFDIR | options.directory_mode : S_IFREG | options.file_mode;
  out.st_nlink = 1;  // also for directories: tells find(1) not to count subdirectories by links
  out.st_uid = options.uid;
  out.st_gid = options.gid;
  out.st_size = static_cast<off_t>(attributes.size_bytes);
  out.st_blocks =
      static_cast<blkcnt_t>((attributes.size_bytes + kStatBlockBytes - 1) / kStatBlockBytes);
  out.st_mtim.tv_sec = attributes.modified.time_since_epoch().count();
  out.st_ctim = out.st_mtim;
  out.st_atim = out.st_mtim;
  return out;
}

double to_seconds(std::chrono::milliseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

fuse_entry_param to_entry(const FuseSessionOptions& options, const Attributes& attributes) {
  fuse_entry_param entry{};
  entry.ino = static_cast<fuse_ino_t>(attributes.inode);
  entry.attr = to_stat(options, attributes);
  entry.attr_timeout = kAttributesTimeoutSeconds;
  entry.entry_timeout = to_seconds(options.name_ttl);
  return entry;
}

std::uint32_t stack_depth(const FuseSessionOptions& options) {
  return fuse_wire::is_on_overlay(options.cache_directory) ? 2 : 1;
}

void init(void* user_data, fuse_conn_info* connection) {
  auto& parts = *static_cast<Parts*>(user_data);
  parts.parallel_dirops = (connection->capable & FUSE_CAP_PARALLEL_DIROPS) != 0;
  // What the kernel asks for ahead of readers leaves a quarter of the threads to those who wait.
  constexpr int kShareOfReaders = 4;
  connection->max_background = static_cast<unsigned>(
      std::max(1, parts.options.threads - parts.options.threads / kShareOfReaders));
  connection->time_gran = 1'000'000'000;  // times are whole seconds
  // The pages of an inode never change, so the kernel need not ask before it uses them.
#if FUSE_VERSION < FUSE_MAKE_VERSION(3, 17)
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA);
#else
  fuse_unset_feature_flag(connection, FUSE_CAP_AUTO_INVAL_DATA);
  if (parts.passthrough_offered && fuse_set_feature_flag(connection, FUSE_CAP_PASSTHROUGH)) {
    connection->max_backing_stack_depth = stack_depth(parts.options) - 1;  // without ourselves
  }
#endif
}

int reply_open(fuse_req_t request, fuse_file_info* info, const Passthrough::Answer& answer) {
  if (answer.backing == 0) return fuse_reply_open(request, info);
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
  info->keep_cache = 0;  // with it the open fails: there are no pages to keep
  info->backing_id = answer.backing;
  return fuse_reply_open(request, info);
#else
  const fuse_wire::OpenReply reply =
      fuse_wire::open_reply(info->fh, answer.backing, info->direct_io != 0);
  return fuse_reply_buf(request, reinterpret_cast<const char*>(&reply), sizeof(reply));
#endif
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  Parts& parts = parts_of(request);
  if (std::strlen(name) > kNameBytesMax) {  // the kernel's own limit for FUSE is 1,024
    fuse_reply_err(request, ENAMETOOLONG);
    return;
  }
  const auto found = interruptible(request, [&](std::stop_token stop) {
    return parts.file_system.lookup(InodeNumber{parent}, name, stop, caller_of(request));
  });
  if (!found && found.error().code != ErrorCode::kNotFound) {
    reply_error(request, "lookup", parent, found.error());
    return;
  }
  if (!found) {
    fuse_entry_param nothing{};  // inode 0: the kernel remembers the absence
    nothing.entry_timeout = to_seconds(parts.options.name_ttl);
    fuse_reply_entry(request, &nothing);
    return;
  }
  const fuse_entry_param entry = to_entry(parts.options, *found);
  // A kernel that has given up on the request will not forget what it never learned.
  if (fuse_reply_entry(request, &entry) != 0) parts.file_system.forget(found->inode, 1);
}

void forget(fuse_req_t request, fuse_ino_t inode, std::uint64_t lookups) {
  parts_of(request).file_system.forget(InodeNumber{inode}, lookups);
  fuse_reply_none(request);
}

void forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
  Parts& parts = parts_of(request);
  for (std::size_t i = 0; i < count; ++i) {
    parts.file_system.forget(InodeNumber{forgets[i].ino}, forgets[i].nlookup);
  }
  fuse_reply_none(request);
}

void getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
  Parts& parts = parts_of(request);
  const auto attributes = parts.file_system.attributes(InodeNumber{inode});
  if (!attributes) {
    reply_error(request, "getattr", inode, attributes.error());
    return;
  }
  const struct stat out = to_stat(parts.options, *attributes);
  fuse_reply_attr(request, &out, kAttributesTimeoutSeconds);
}

void close(Parts& parts, fuse_ino_t inode, HandleNumber handle) {
  parts.passthrough.release(InodeNumber{inode});
  parts.file_system.release(handle);
}

void open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* info) {
  Parts& parts = parts_of(request);
  if ((info->flags & O_ACCMODE) != O_RDONLY || (info->flags & O_TRUNC) != 0) {
    fuse_reply_err(request, EROFS);
    return;
  }
  const auto handle = interruptible(request, [&](std::stop_token stop) {
    return parts.file_system.open(InodeNumber{inode}, stop, caller_of(request));
  });
  if (!handle) {
    reply_error(request, "open", inode, handle.error());
    return;
  }
  info->fh = static_cast<std::uint64_t>(*handle);
  info->keep_cache = 1;  // an inode is one version for ever, and so are its pages
  info->noflush = 1;
  // By itself the kernel makes a direct read of asynchronous requests and waits for them whatever
  // signal comes, kill -9 included. This lets it wait for one request after another instead, which
  // it interrupts; those of libaio and io_uring stay asynchronous.
  info->direct_io = (info->flags & O_DIRECT) != 0;
  Passthrough::Pin pin;
  if (info->direct_io == 0) pin = [&] { return parts.file_system.pin(*handle); };
  const auto answer = parts.passthrough.open(InodeNumber{inode}, pin);
  if (answer.backing != 0 && info->direct_io == 0) {
    parts.file_system.is_passed_through(*handle, answer.fresh);
  }
  if (reply_open(request, info, answer) != 0) close(parts, inode, *handle);
}

// The reply buffer of this thread: as large as the largest request it has served, never cleared.
std::span<std::byte> reply_buffer(std::size_t size) {
  thread_local std::unique_ptr<std::byte[]> bytes;
  thread_local std::size_t capacity = 0;
  if (capacity < size) {
    bytes = std::make_unique_for_overwrite<std::byte[]>(size);
    capacity = size;
  }
  return {bytes.get(), size};
}

int reply_bytes(fuse_req_t request, std::span<const std::byte> bytes) {
  return fuse_reply_buf(request, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void read(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset,
          fuse_file_info* info) {
  Parts& parts = parts_of(request);
  const std::span<std::byte> out = reply_buffer(size);
  const auto bytes = interruptible(request, [&](std::stop_token stop) {
    return parts.file_system.read(HandleNumber{info->fh}, static_cast<std::uint64_t>(offset), out,
                                  stop, caller_of(request));
  });
  if (!bytes) {
    reply_error(request, "read", inode, bytes.error());
    return;
  }
  reply_bytes(request, out.first(*bytes));
}

void release(fuse_req_t request, fuse_ino_t inode, fuse_file_info* info) {
  close(parts_of(request), inode, HandleNumber{info->fh});
  fuse_reply_err(request, 0);
}

void opendir(fuse_req_t request, fuse_ino_t inode, fuse_file_info* info) {
  Parts& parts = parts_of(request);
  const auto handle = interruptible(request, [&](std::stop_token stop) {
    return parts.file_system.open_directory(InodeNumber{inode}, stop, caller_of(request));
  });
  if (!handle) {
    reply_error(request, "opendir", inode, handle.error());
    return;
  }
  info->fh = static_cast<std::uint64_t>(*handle);
  if (fuse_reply_open(request, info) != 0) parts.file_system.release_directory(*handle);
}

void readdir(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t position,
             fuse_file_info* info) {
  Parts& parts = parts_of(request);
  const std::span<std::byte> out = reply_buffer(size);
  std::size_t used = 0;
  const auto add = [&](std::string_view name, const Attributes& attributes, std::uint64_t next) {
    const struct stat entry = to_stat(parts.options, attributes);
    const std::size_t left = out.size() - used;
    const std::size_t needed =
        fuse_add_direntry(request, reinterpret_cast<char*>(out.data()) + used, left,
                          std::string(name).c_str(), &entry, static_cast<off_t>(next));
    if (needed > left) return false;
    used += needed;
    return true;
  };
  const auto done = interruptible(request, [&](std::stop_token stop) {
    return parts.file_system.read_directory(HandleNumber{info->fh},
                                            static_cast<std::uint64_t>(position), false, add, stop);
  });
  if (!done && used == 0) {
    reply_error(request, "readdir", inode, done.error());
    return;
  }
  reply_bytes(request, out.first(used));
}

void readdirplus(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t position,
                 fuse_file_info* info) {
  Parts& parts = parts_of(request);
  const std::span<std::byte> out = reply_buffer(size);
  std::size_t used = 0;
  std::vector<InodeNumber> counted;
  const auto add = [&](std::string_view name, const Attributes& attributes, std::uint64_t next) {
    const fuse_entry_param entry = to_entry(parts.options, attributes);
    const std::size_t left = out.size() - used;
    const std::size_t needed =
        fuse_add_direntry_plus(request, reinterpret_cast<char*>(out.data()) + used, left,
                               std::string(name).c_str(), &entry, static_cast<off_t>(next));
    if (needed > left) return false;
    used += needed;
    if (name != "." && name != "..") counted.push_back(attributes.inode);
    return true;
  };
  const auto done = interruptible(request, [&](std::stop_token stop) {
    return parts.file_system.read_directory(HandleNumber{info->fh},
                                            static_cast<std::uint64_t>(position), true, add, stop);
  });
  if (!done && used == 0) {
    reply_error(request, "readdirplus", inode, done.error());
    return;
  }
  if (reply_bytes(request, out.first(used)) != 0) {
    for (const InodeNumber entry : counted) parts.file_system.forget(entry, 1);
  }
}

void releasedir(fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
  parts_of(request).file_system.release_directory(HandleNumber{info->fh});
  fuse_reply_err(request, 0);
}

void statfs(fuse_req_t request, fuse_ino_t) {
  constexpr std::uint64_t kBlockBytes = 4096;
  const SpaceUsage space = parts_of(request).file_system.space();
  const std::uint64_t free =
      space.cache_bytes_max - std::min(space.cache_bytes_max, space.cache_bytes_used);
  struct statvfs out {};
  out.f_bsize = kBlockBytes;
  out.f_frsize = kBlockBytes;
  out.f_blocks = space.cache_bytes_max / kBlockBytes;
  out.f_bfree = free / kBlockBytes;
  out.f_bavail = out.f_bfree;
  out.f_namemax = NAME_MAX;
  fuse_reply_statfs(request, &out);
}

// The kernel refuses writes to a mount that is `ro`; this is for one remounted `rw`.
template <typename... Arguments>
void refuse_write(fuse_req_t request, Arguments...) {
  fuse_reply_err(request, EROFS);
}

// What is not set is answered with ENOSYS, which the kernel remembers and does not ask again:
// flush, access (default_permissions decides), readlink, extended attributes, locks, ioctl.
fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops table{};
  table.init = init;
  table.lookup = lookup;
  table.forget = forget;
  table.forget_multi = forget_multi;
  table.getattr = getattr;
  table.open = open;
  table.read = read;
  table.release = release;
  table.opendir = opendir;
  table.readdir = readdir;
  table.readdirplus = readdirplus;
  table.releasedir = releasedir;
  table.statfs = statfs;
  table.setattr = refuse_write;
  table.mknod = refuse_write;
  table.mkdir = refuse_write;
  table.unlink = refuse_write;
  table.rmdir = refuse_write;
  table.symlink = refuse_write;
  table.rename = refuse_write;
  table.link = refuse_write;
  table.write = refuse_write;
  table.create = refuse_write;
  table.setxattr = refuse_write;
  table.removexattr = refuse_write;
  table.fallocate = refuse_write;
  table.copy_file_range = refuse_write;
  return table;
}

// We read and write the device ourselves, for what libfuse does not do.

// libfuse before 3.17 accepts FUSE_CAP_PARALLEL_DIROPS and never tells the kernel
// (libfuse/libfuse#861): every lookup in a directory would wait for the round trip of the one
// before. And it knows no passthrough.
void amend_init(const Parts& parts, std::span<std::byte> body) {
  if (parts.parallel_dirops) {
    reinterpret_cast<fuse_init_out*>(body.data())->flags |= FUSE_PARALLEL_DIROPS;
  }
#if FUSE_VERSION < FUSE_MAKE_VERSION(3, 17)
  if (parts.passthrough_offered) fuse_wire::accept_passthrough(body, stack_depth(parts.options));
#endif
}

// The reply to INIT is the first one sent.
ssize_t write_device(int fd, iovec* pieces, int count, void* user_data) {
  constexpr int kHeaderAndBody = 2;
  auto& parts = *static_cast<Parts*>(user_data);
  if (parts.init_unsaid.load(std::memory_order_relaxed)) {
    parts.init_unsaid.store(false, std::memory_order_relaxed);
    if (count == kHeaderAndBody && pieces[1].iov_len >= sizeof(fuse_init_out)) {
      const std::span body(static_cast<std::byte*>(pieces[1].iov_base), pieces[1].iov_len);
      amend_init(parts, body);
    }
  }
  return ::writev(fd, pieces, count);
}

// The first request is INIT. When the file system is unmounted, libfuse waits for the requests in
// service; but nobody waits for their replies any more, so they are ended.
ssize_t read_device(int fd, void* buffer, std::size_t size, void* user_data) {
  auto& parts = *static_cast<Parts*>(user_data);
  const ssize_t count = ::read(fd, buffer, size);
  const int error = errno;
  if (count > 0 && !parts.init_heard.exchange(true)) {
    const std::span request(static_cast<const std::byte*>(buffer), static_cast<std::size_t>(count));
    parts.passthrough_offered = parts.options.passthrough && fuse_wire::offers_passthrough(request);
  }
  if (count < 0 && (error == ENODEV || error == ECONNABORTED)) {
    parts.stop.request_stop();
  }
  errno = error;
  return count;
}

int take_device(fuse_session* session) {
  fuse_custom_io io{};
  io.writev = write_device;
  io.read = read_device;
  return fuse_session_custom_io(session, &io, fuse_session_fd(session));
}

void log_libfuse(fuse_log_level level, const char* format, va_list arguments) {
  std::array<char, 512> text{};
  std::vsnprintf(text.data(), text.size(), format, arguments);
  const std::string_view line(text.data());
  spdlog::log(level <= FUSE_LOG_ERR ? spdlog::level::err : spdlog::level::debug,
              "fuse.library message={:?}", line.substr(0, line.find('\n')));
}

fuse_session* new_session(const FuseSessionOptions& options, Parts* parts) {
  std::vector<std::string> arguments = fuse_arguments(options);
  std::vector<char*> pointers;
  pointers.reserve(arguments.size());
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  fuse_args args{static_cast<int>(pointers.size()), pointers.data(), 0};
  const fuse_lowlevel_ops table = operations();
  fuse_session* session = fuse_session_new(&args, &table, sizeof(table), parts);
  fuse_opt_free_args(&args);
  return session;
}

// Whether the kernel takes a file of the cache, and the cache could tell who has it.
Result<void> try_passthrough(const Parts& parts) {
  const int file =
      ::open(parts.options.cache_directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) return {};  // a file system that has no nameless files: to be seen
  const UniqueFd owner(file);
  const auto alone = real_disk().is_alone(file);
  if (!alone) return alone.error();
  const auto backing = fuse_wire::open_backing(parts.device(), file);
  if (!backing) return backing.error();
  fuse_wire::close_backing(parts.device(), *backing);
  return {};
}

// Asks the mount point itself. Blocks until the session serves, or ends.
void wait_until_ready(Parts& parts, const std::function<void()>& on_ready) {
  struct statx root {};
  const int result = ::statx(AT_FDCWD, parts.options.directory.c_str(), AT_STATX_FORCE_SYNC,
                             STATX_BASIC_STATS, &root);
  if (result != 0) return;  // the session has ended; run() says why
  raise_kernel_readahead(root.stx_dev_major, root.stx_dev_minor);
  if (parts.passthrough_offered) parts.passthrough.start(try_passthrough(parts));
  on_ready();
}

// The signal that makes the thread in run() look up; it does nothing else.
constexpr int kWakeSignal = SIGUSR1;

void take_wake_signal() {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // without SA_RESTART
  ::sigaction(kWakeSignal, &action, nullptr);
}

int loop(fuse_session* session, int threads) {
  fuse_loop_config* config = fuse_loop_cfg_create();
  // Threads start when all others are busy. Some then stay: ending and starting them costs more.
  // Further ones are for times when many requests wait for the store.
  constexpr int kIdleThreadsMax = 16;
  fuse_loop_cfg_set_max_threads(config, static_cast<unsigned>(threads));
  fuse_loop_cfg_set_idle_threads(config, static_cast<unsigned>(std::min(threads, kIdleThreadsMax)));
  fuse_loop_cfg_set_clone_fd(config, 0);
  const int result = fuse_session_loop_mt(session, config);
  fuse_loop_cfg_destroy(config);
  return result;
}

}  // namespace

FuseSession::FuseSession(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
FuseSession::~FuseSession() = default;

Result<std::unique_ptr<FuseSession>> FuseSession::mount(const FuseSessionOptions& options,
                                                        FileSystem& file_system) {
  auto parts = std::make_unique<Parts>(options, file_system);
  const CapturedStderr messages;
  parts->session = new_session(options, parts.get());
  if (parts->session == nullptr ||
      fuse_session_mount(parts->session, options.directory.c_str()) != 0 ||
      take_device(parts->session) != 0) {
    return Error{ErrorCode::kUnavailable, fmt::format("cannot mount on {}: {}",
                                                      options.directory.string(), messages.text())};
  }
  return std::unique_ptr<FuseSession>(new FuseSession(std::move(parts)));
}

Result<void> FuseSession::run(const std::function<void()>& on_ready) {
  {
    auto state = parts_->state.lock();
    if (state->stop) return {};
    state->phase = Parts::Phase::kRunning;
    state->runner = ::pthread_self();
  }
  fuse_set_log_func(log_libfuse);
  take_wake_signal();
  std::jthread readiness([&] { wait_until_ready(*parts_, on_ready); });
  const int result = loop(parts_->session, parts_->options.threads);
  {
    auto state = parts_->state.lock();
    state->phase = Parts::Phase::kEnded;
    parts_->changed.notify_all();
  }
  parts_->unmount_and_clear();  // also releases a readiness thread that nobody will answer any more
  readiness.join();
  if (result == -ECONNABORTED)
    spdlog::warn("fuse.aborted mount={:?}", parts_->options.directory.string());
  if (result < 0 && result != -ECONNABORTED) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("the FUSE device failed: {}", std::strerror(-result))};
  }
  return {};
}

Result<void> FuseSession::store(InodeNumber inode, std::span<const std::byte> bytes) {
  fuse_bufvec all{};
  all.count = 1;
  all.buf[0].size = bytes.size();
  all.buf[0].mem = const_cast<std::byte*>(bytes.data());  // only read from
  auto open = parts_->takes_stores.lock();
  if (!*open) return Error{ErrorCode::kUnavailable, "the session has ended"};
  const int result = fuse_lowlevel_notify_store(parts_->session, static_cast<fuse_ino_t>(inode), 0,
                                                &all, FUSE_BUF_NO_SPLICE);
  if (result == 0) return {};
  if (result == -ENOENT) return Error{ErrorCode::kNotFound, "the kernel does not know the inode"};
  return Error{ErrorCode::kUnavailable,
               fmt::format("storing a file in the kernel: {}", std::strerror(-result))};
}

PassthroughStats FuseSession::passthrough() const { return parts_->passthrough.stats(); }

void FuseSession::stop() {
  parts_->stop.request_stop();
  auto state = parts_->state.lock();
  state->stop = true;
  fuse_session_exit(parts_->session);
  // The signal is lost when it arrives just before run() begins to wait, hence the repetition.
  while (state->phase == Parts::Phase::kRunning) {
    ::pthread_kill(state->runner, kWakeSignal);
    parts_->changed.wait_for(state.mutex(), kWakePeriod);
  }
}

}  // namespace augurfs
