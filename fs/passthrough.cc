#include "fs/passthrough.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <linux/magic.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace augurfs {
namespace fuse_wire {
namespace {

constexpr std::uint32_t kPassthroughOffer = 1U << 5U;  // in flags2: bit 37 of all
constexpr std::uint32_t kOpenPassthrough = 1U << 7U;
// Where flags, flags2 and, behind it, the depth stand in the body of the reply to INIT.
constexpr std::size_t kFlagsAt = 12;
constexpr std::size_t kFlags2At = 32;
constexpr std::size_t kStackDepthAt = 36;

struct BackingMap {
  std::int32_t fd = -1;
  std::uint32_t flags = 0;
  std::uint64_t padding = 0;
};
constexpr unsigned long kBackingOpen = _IOW(229, 1, BackingMap);
constexpr unsigned long kBackingClose = _IOW(229, 2, std::uint32_t);

void set_bits(std::span<std::byte> bytes, std::size_t at, std::uint32_t bits) {
  std::uint32_t value = 0;
  std::memcpy(&value, &bytes[at], sizeof(value));
  value |= bits;
  std::memcpy(&bytes[at], &value, sizeof(value));
}

}  // namespace

bool offers_passthrough(std::span<const std::byte> init_request) {
  fuse_in_header header{};
  fuse_init_in body{};
  if (init_request.size() < sizeof(header) + sizeof(body)) return false;
  std::memcpy(&header, init_request.data(), sizeof(header));
  std::memcpy(&body, &init_request[sizeof(header)], sizeof(body));
  return header.opcode == FUSE_INIT && (body.flags & FUSE_INIT_EXT) != 0 &&
         (body.flags2 & kPassthroughOffer) != 0;
}

void accept_passthrough(std::span<std::byte> init_reply_body, std::uint32_t stack_depth) {
  if (init_reply_body.size() < kStackDepthAt + sizeof(stack_depth)) return;
  set_bits(init_reply_body, kFlagsAt, FUSE_INIT_EXT);
  set_bits(init_reply_body, kFlags2At, kPassthroughOffer);
  std::memcpy(&init_reply_body[kStackDepthAt], &stack_depth, sizeof(stack_depth));
}

bool is_on_overlay(const std::filesystem::path& directory) {
  struct statfs info {};
  return ::statfs(directory.c_str(), &info) == 0 && info.f_type == OVERLAYFS_SUPER_MAGIC;
}

Result<std::int32_t> open_backing(int device, int file) {
  BackingMap map;
  map.fd = file;
  const int backing = ::ioctl(device, kBackingOpen, &map);
  if (backing > 0) return backing;
  switch (errno) {
    case EPERM:
      return Error{ErrorCode::kDenied, "only a process with CAP_SYS_ADMIN may"};
    case ELOOP:
      return Error{ErrorCode::kInvalid, "the cache lies on stacked file systems"};
    default:
      return Error{ErrorCode::kUnavailable, std::strerror(errno)};
  }
}

void close_backing(int device, std::int32_t backing) {
  const auto number = static_cast<std::uint32_t>(backing);
  ::ioctl(device, kBackingClose, &number);  // what can fail is that it is not known, which is meant
}

// Not FOPEN_KEEP_CACHE, which makes the open fail: there are no pages to keep.
OpenReply open_reply(std::uint64_t handle, std::int32_t backing, bool direct) {
  const std::uint32_t past_the_cache = direct ? FOPEN_DIRECT_IO : 0;
  return {handle, kOpenPassthrough | FOPEN_NOFLUSH | past_the_cache, backing};
}

}  // namespace fuse_wire

Passthrough::Passthrough(Device device, std::uint64_t idle_bytes_max, std::string reason)
    : device_(std::move(device)), idle_bytes_max_(idle_bytes_max) {
  state_.lock()->stats.reason = std::move(reason);
}

void Passthrough::start(const Result<void>& trial) {
  if (trial) {
    spdlog::info("passthrough.on");
  } else {
    spdlog::info("passthrough.off reason={:?}", trial.error().message);
  }
  auto state = state_.lock();
  state->stats.on = trial.has_value();
  state->stats.reason = trial ? "" : trial.error().message;
}

Passthrough::Answer Passthrough::open(InodeNumber number, const Pin& pin) {
  {
    auto state = state_.lock();
    const auto known = state->inodes.find(number);
    if (known != state->inodes.end()) return join(*state, number, known->second);
  }
  Inode mine{.opens = 1};
  if (pin && is_on()) let_kernel_read(mine, pin());
  Answer answer{mine.backing, mine.backing != 0};
  {
    auto state = state_.lock();
    const auto [place, first] = state->inodes.try_emplace(number);
    if (first) {
      state->stats.opens += answer.fresh ? 1 : 0;
      state->stats.files += answer.fresh ? 1 : 0;
      place->second = std::move(mine);
      return answer;
    }
    answer = join(*state, number, place->second);  // somebody else was faster
  }
  if (mine.backing != 0) device_.close(mine.backing);
  return answer;
}

Passthrough::Answer Passthrough::join(State& state, InodeNumber number, Inode& inode) {
  if (inode.opens++ == 0) {
    state.idle.erase(std::find(state.idle.begin(), state.idle.end(), number));
    state.idle_bytes -= inode.file->size_bytes();
  }
  state.stats.opens += inode.backing != 0 ? 1 : 0;
  return {inode.backing, false};
}

void Passthrough::let_kernel_read(Inode& inode, std::unique_ptr<PinnedFile> file) {
  if (file == nullptr) return;
  const auto backing = device_.open(file->descriptor());
  if (!backing) {
    spdlog::debug("passthrough.refused reason={:?}", backing.error().message);
    if (backing.error().code != ErrorCode::kUnavailable) start(backing.error());
    return;
  }
  file->close();  // the kernel has it now
  inode.backing = *backing;
  inode.file = std::move(file);
}

void Passthrough::release(InodeNumber number) {
  std::vector<Inode> dropped;
  {
    auto state = state_.lock();
    const auto found = state->inodes.find(number);
    if (found == state->inodes.end() || --found->second.opens > 0) return;
    if (found->second.backing == 0) {
      state->inodes.erase(found);
      return;
    }
    state->idle.push_back(number);
    state->idle_bytes += found->second.file->size_bytes();
    while (state->idle.size() > kIdleMax || state->idle_bytes > idle_bytes_max_) {
      auto oldest = state->inodes.extract(state->idle.front());
      state->idle.pop_front();
      state->idle_bytes -= oldest.mapped().file->size_bytes();
      --state->stats.files;
      dropped.push_back(std::move(oldest.mapped()));
    }
  }
  for (const Inode& inode : dropped) device_.close(inode.backing);
}

void Passthrough::end() {
  State ended;
  std::swap(ended, *state_.lock());
  *state_.lock() = {.stats = {.reason = "the mount has ended", .opens = ended.stats.opens}};
}

bool Passthrough::is_on() const { return state_.lock()->stats.on; }

PassthroughStats Passthrough::stats() const { return state_.lock()->stats; }

}  // namespace augurfs
