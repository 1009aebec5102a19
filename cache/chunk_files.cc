#include "cache/chunk_files.h"

#include <fcntl.h>
#include <sys/stat.h>

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
  auto open_files = open_files_.lock();
  const auto found = open_files->by_object.find(object);
  if (found == open_files->by_object.end()) return;
  closed = std::move(found->second->second);
  open_files->files.erase(found->second);
  open_files->by_object.erase(found);
}

void ChunkFiles::measure(std::size_t shard) {
  const std::uint64_t now = disk_.allocated_bytes(shard_path(shard)).value_or(0);
  const std::uint64_t before = shard_bytes_[shard].exchange(now);
  directory_bytes_.fetch_add(now - before);  // wraps back when it shrank
}

}  // namespace augurfs
