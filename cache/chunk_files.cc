#include "cache/chunk_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string>
#include <system_error>

namespace augurfs {
namespace {

namespace stdfs = std::filesystem;

std::string hex(const char* format, std::uint64_t value) {
  std::array<char, 24> text{};
  const int length =
      std::snprintf(text.data(), text.size(), format, static_cast<unsigned long long>(value));
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

ChunkFiles::ChunkFiles(stdfs::path root, Disk& disk) : root_(std::move(root)), disk_(disk) {}

Result<void> ChunkFiles::prepare() {
  if (::mkdir(root_.c_str(), 0700) < 0 && errno != EEXIST)
    return disk_error(errno, "create", root_);
  for (std::size_t shard = 0; shard < kShards; ++shard) measure(shard);
  return {};
}

Result<std::size_t> ChunkFiles::read(std::uint64_t object, std::uint64_t offset,
                                     std::span<std::byte> out) {
  auto file = open(object, 0);
  if (!file) return file.error();
  return disk_.read((*file)->descriptor.get(), offset, out);
}

Result<void> ChunkFiles::create(std::uint64_t object, std::uint64_t size_bytes) {
  auto file = open(object, O_CREAT);
  if (!file && file.error().code == ErrorCode::kNotFound) {
    // The directory is made with its first file: 256 of them at the start would take a while.
    const stdfs::path shard = shard_path(object % kShards);
    if (::mkdir(shard.c_str(), 0700) < 0 && errno != EEXIST) {
      return disk_error(errno, "create", shard);
    }
    file = open(object, O_CREAT);
  }
  if (!file) return file.error();
  measure(object % kShards);
  // Its full length at once: some file systems (xfs) set space aside behind a file that grows.
  return disk_.resize((*file)->descriptor.get(), size_bytes);
}

Result<void> ChunkFiles::write(std::uint64_t object, std::uint64_t offset,
                               std::span<const std::byte> bytes) {
  auto file = open(object, 0);
  if (!file) return file.error();
  const std::lock_guard turn((*file)->writing);
  return disk_.write((*file)->descriptor.get(), offset, bytes);
}

Result<void> ChunkFiles::punch(std::uint64_t object, ByteRange range) {
  auto file = open(object, 0);
  if (!file) return file.error();
  return disk_.punch((*file)->descriptor.get(), range);
}

Result<std::vector<ByteRange>> ChunkFiles::data(std::uint64_t object) {
  // Not through the open files: seeking moves the descriptor's position, and a scan of all files
  // would push out those in use.
  auto file = disk_.open(path(object), O_RDONLY | O_NOFOLLOW);
  if (!file) return file.error();
  return disk_.data(file->get());
}

Result<void> ChunkFiles::remove(std::uint64_t object) {
  close(object);
  return disk_.remove(path(object));
}

Result<UniqueFd> ChunkFiles::lend(std::uint64_t object) {
  return disk_.open(path(object), O_RDONLY | O_NOFOLLOW);
}

Result<std::uint64_t> ChunkFiles::allocated_bytes(std::uint64_t object) const {
  return disk_.allocated_bytes(path(object));
}

Result<bool> ChunkFiles::is_alone(std::uint64_t object) {
  const auto file = open(object, 0);
  if (!file && file.error().code == ErrorCode::kNotFound) return true;
  if (!file) return file.error();
  return disk_.is_alone((*file)->descriptor.get());
}

Result<void> ChunkFiles::each(const std::function<bool(std::uint64_t)>& file) const {
  std::error_code error;
  for (std::size_t shard = 0; shard < kShards; ++shard) {
    for (stdfs::directory_iterator it(shard_path(shard), error), end; !error && it != end;
         it.increment(error)) {
      const std::string name = it->path().filename().string();
      std::uint64_t object = 0;
      const auto [stop, bad] = std::from_chars(name.data(), name.data() + name.size(), object, 16);
      // What we did not name is not ours to touch.
      if (bad != std::errc() || it->path() != path(object)) continue;
      if (!file(object)) return {};
    }
    if (error == std::errc::no_such_file_or_directory) error.clear();
    if (error) return disk_error(error.value(), "read", shard_path(shard));
  }
  return {};
}

bool ChunkFiles::none() const {
  std::error_code error;
  return stdfs::is_empty(root_, error) && !error;
}

stdfs::path ChunkFiles::shard_path(std::size_t shard) const { return root_ / hex("%02llx", shard); }

stdfs::path ChunkFiles::path(std::uint64_t object) const {
  return shard_path(object % kShards) / hex("%016llx", object);
}

Result<ChunkFiles::File> ChunkFiles::open(std::uint64_t object, int extra_flags) {
  {
    auto open_files = open_files_.lock();
    const auto found = open_files->by_object.find(object);
    if (found != open_files->by_object.end()) {
      open_files->files.splice(open_files->files.begin(), open_files->files, found->second);
      return found->second->second;
    }
    const auto watched = open_files->watched.find(object);
    if (watched != open_files->watched.end()) return watched->second.file;
  }
  auto opened = disk_.open(path(object), O_RDWR | O_NOFOLLOW | extra_flags);
  if (!opened) return opened.error();
  auto file = std::make_shared<OpenFile>(std::move(*opened));
  File displaced;  // closed after the lock is gone
  auto open_files = open_files_.lock();
  const auto [place, fresh] = open_files->by_object.try_emplace(object);
  if (!fresh) return place->second->second;  // another thread was faster
  open_files->files.emplace_front(object, file);
  place->second = open_files->files.begin();
  if (open_files->files.size() > kOpenFilesMax) {
    displaced = std::move(open_files->files.back().second);
    open_files->by_object.erase(open_files->files.back().first);
    open_files->files.pop_back();
  }
  return file;
}

void ChunkFiles::close(std::uint64_t object) {
  File closed;  // after the lock is gone
  Watched unwatched;
  auto open_files = open_files_.lock();
  if (auto node = open_files->watched.extract(object)) unwatched = std::move(node.mapped());
  const auto found = open_files->by_object.find(object);
  if (found == open_files->by_object.end()) return;
  closed = std::move(found->second->second);
  open_files->files.erase(found->second);
  open_files->by_object.erase(found);
}

std::uint64_t ChunkFiles::watch(std::uint64_t object, WatchFor what, Time now) {
  const auto file = open(object, 0);
  if (!file) return 0;
  auto open_files = open_files_.lock();
  auto found = open_files->watched.find(object);
  if (found == open_files->watched.end()) {
    if (open_files->watched.size() == kWatchedFilesMax) return 0;
    const Watched fresh{.file = *file, .number = open_files->touches + 1};
    found = open_files->watched.emplace(object, fresh).first;
  }
  found->second.last_touch = ++open_files->touches;
  found->second.touched = now;
  found->second.written |= what == WatchFor::kWriting;
  return found->second.number;
}

std::optional<ChunkFiles::WatchFor> ChunkFiles::watched(std::uint64_t object) const {
  auto open_files = open_files_.lock();
  const auto found = open_files->watched.find(object);
  if (found == open_files->watched.end()) return std::nullopt;
  return found->second.written ? WatchFor::kWriting : WatchFor::kReading;
}

void ChunkFiles::hasten(std::uint64_t object) {
  auto open_files = open_files_.lock();
  const auto found = open_files->watched.find(object);
  if (found != open_files->watched.end()) found->second.hastened = true;
}

Result<void> ChunkFiles::check_written(std::uint64_t object) const {
  File file;
  {
    auto open_files = open_files_.lock();
    const auto found = open_files->watched.find(object);
    if (found == open_files->watched.end()) return {};
    file = found->second.file;
  }
  return check_written(*file);
}

Result<void> ChunkFiles::check_written(OpenFile& file) const {
  auto lost = file.lost.lock();  // held during the call, which is no I/O
  if (!*lost) {
    if (auto written = disk_.check_written(file.descriptor.get()); !written)
      *lost = written.error();
  }
  if (*lost) return **lost;
  return {};
}

std::optional<std::uint64_t> ChunkFiles::settled(Time now) const {
  auto open_files = open_files_.lock();
  const auto& watched = open_files->watched;
  const auto oldest =
      std::min_element(watched.begin(), watched.end(), [](const auto& left, const auto& right) {
        if (left.second.hastened != right.second.hastened) return left.second.hastened;
        return left.second.last_touch < right.second.last_touch;
      });
  if (oldest == watched.end()) return std::nullopt;
  if (oldest->second.hastened) return oldest->first;
  if (watched.size() < kWatchedFilesMax && now - oldest->second.touched < kSettle) {
    return std::nullopt;
  }
  return oldest->first;
}

Result<void> ChunkFiles::sync(std::uint64_t object) {
  Watched before;
  {
    auto open_files = open_files_.lock();
    const auto found = open_files->watched.find(object);
    if (found == open_files->watched.end()) return {};
    before = found->second;
  }
  // Not by the watched descriptor: it would be told of an error that its readers must hear of.
  const auto fresh = disk_.open(path(object), O_RDONLY | O_NOFOLLOW);
  if (!fresh) return fresh.error();
  if (auto synced = disk_.sync(fresh->get()); !synced) return synced;
  if (auto written = check_written(*before.file); !written) return written;
  auto open_files = open_files_.lock();
  const auto found = open_files->watched.find(object);
  if (found == open_files->watched.end()) return {};
  found->second.hastened = false;
  if (found->second.last_touch == before.last_touch) {
    open_files->watched.erase(found);  // `before` closes it after the lock is gone
  }
  return {};
}

void ChunkFiles::measure(std::size_t shard) {
  const std::uint64_t now = disk_.allocated_bytes(shard_path(shard)).value_or(0);
  const std::uint64_t before = shard_bytes_[shard].exchange(now);
  directory_bytes_.fetch_add(now - before);  // wraps back when it shrank
}

}  // namespace augurfs
