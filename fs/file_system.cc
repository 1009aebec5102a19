#include "fs/file_system.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <unordered_map>
#include <utility>

#include "fs/inode_table.h"
#include "fs/key_rules.h"
#include "remote/guarded.h"

namespace augurfs {
namespace {

// Directories whose unreachable keys are remembered; further ones are neither counted nor logged.
constexpr std::size_t kUnreachableDirectoriesMax = 10'000;

constexpr std::uint64_t kDotPosition = 1;
constexpr std::uint64_t kDotDotPosition = 2;
constexpr std::uint64_t kFirstEntryPosition = 3;

struct OpenFile {
  InodeNumber inode{};
  Version version;
  Caller caller;
  Stream stream;           // of the caller
  bool excluded = false;   // its path is
  bool in_memory = false;  // the kernel was given its pages
};

struct OpenDirectory {
  InodeNumber inode{};
  InodeNumber parent{};
  InodeNumber as_of{};  // when it was listed, see InodeTable::now
  std::shared_ptr<const Listing> listing;
  DirectoryEntries entries;  // points into the listing
};

// Handles of one kind. Whoever uses one shares it, so that a release meanwhile does no harm.
template <typename T>
class Handles {
 public:
  void add(HandleNumber number, std::shared_ptr<const T> handle) {
    handles_.lock()->emplace(number, std::move(handle));
  }
  std::shared_ptr<const T> find(HandleNumber number) const {
    auto handles = handles_.lock();
    const auto found = handles->find(number);
    return found == handles->end() ? nullptr : found->second;
  }
  std::shared_ptr<const T> remove(HandleNumber number) {
    auto handles = handles_.lock();
    const auto node = handles->extract(number);
    return node.empty() ? nullptr : node.mapped();
  }
  std::size_t size() const { return handles_.lock()->size(); }

 private:
  Guarded<std::unordered_map<HandleNumber, std::shared_ptr<const T>>> handles_;
};

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Error gone(InodeNumber inode) {
  return {ErrorCode::kStale,
          fmt::format("no inode {} of that kind", static_cast<std::uint64_t>(inode))};
}

Error bad_handle(HandleNumber handle) {
  return {ErrorCode::kInvalid, fmt::format("no handle {}", static_cast<std::uint64_t>(handle))};
}

Error no_such(const std::string& prefix, std::string_view name) {
  return {ErrorCode::kNotFound, fmt::format("nothing at '{}{}'", prefix, name)};
}

}  // namespace

struct FileSystem::Parts {
  Parts(FileSystemOptions options, Cache& cache_, Prefetcher* prefetcher_)
      : cache(cache_),
        prefetcher(prefetcher_),
        exclusions(std::move(options.exclusions)),
        prefix_bytes(options.prefix.size()),
        streams(options.proc, &exclusions),
        inodes(std::move(options.prefix), now()) {}

  HandleNumber next_handle() { return HandleNumber{++handles_given}; }
  Stream who(Caller caller, bool looks);
  Stream who_reads(const OpenFile& file, Caller caller);
  bool is_excluded(const std::string& key) const;
  void record(const Stream& stream, Event event, Operation operation, HandleNumber handle,
              const Version& version);
  void count_unreachable(const std::string& prefix, const DirectoryEntries& entries);
  void store_is_over();
  Result<void> await_store(InodeNumber inode, const std::stop_token& stop);
  void record_all(const OpenFile& file, HandleNumber handle);
  Attributes entry_attributes(const OpenDirectory& directory, const DirectoryEntry& entry) const;

  Cache& cache;
  Prefetcher* const prefetcher;
  const Exclusions exclusions;
  const std::size_t prefix_bytes;  // of a key, what is above the mount point
  StreamTable streams;
  InodeTable inodes;
  std::atomic<std::uint64_t> handles_given = 0;
  Handles<OpenFile> files;
  Handles<OpenDirectory> directories;
  Guarded<std::optional<InodeNumber>> storing;
  std::condition_variable_any stored;
  std::atomic<std::uint64_t> stored_opened = 0;
  std::atomic<std::uint64_t> stored_opened_bytes = 0;
  Guarded<std::unordered_map<std::string, std::uint64_t>> unreachable;  // by directory
};

// The stream of a caller, its program made known. One that opens is looked at: it may have become
// another program since it was last seen.
Stream FileSystem::Parts::who(Caller caller, bool looks) {
  if (prefetcher == nullptr) return {};
  Stream stream = looks ? streams.look(caller) : streams.recall(caller);
  if (stream.executable != nullptr) prefetcher->name_program(stream.program, *stream.executable);
  return stream;
}

// A file may be read by who was handed it, and by the kernel on behalf of who opened it.
Stream FileSystem::Parts::who_reads(const OpenFile& file, Caller caller) {
  if (caller.thread == 0 || caller.thread == file.caller.thread) return file.stream;
  return who(caller, false);
}

bool FileSystem::Parts::is_excluded(const std::string& key) const {
  return prefetcher != nullptr && exclusions.path(std::string_view(key).substr(prefix_bytes));
}

void FileSystem::Parts::record(const Stream& stream, Event event, Operation operation,
                               HandleNumber handle, const Version& version) {
  if (prefetcher == nullptr || stream.excluded) return;
  event.time = std::chrono::steady_clock::now();
  event.operation = operation;
  event.handle = static_cast<std::uint64_t>(handle);
  event.stream = stream.id;
  event.program = stream.program;
  event.recorded = stream.marked;
  event.object = object_id(version.key);
  event.object_bytes = version.size;
  prefetcher->record(event);
}

void FileSystem::Parts::count_unreachable(const std::string& prefix,
                                          const DirectoryEntries& entries) {
  {
    auto counts = unreachable.lock();
    const auto known = counts->find(prefix);
    if (known != counts->end()) {
      known->second = entries.unreachable;
      return;
    }
    if (entries.unreachable == 0 || counts->size() >= kUnreachableDirectoriesMax) return;
    counts->emplace(prefix, entries.unreachable);
  }
  spdlog::warn("fs.unreachable_keys directory={:?} keys={} example={:?}", prefix,
               entries.unreachable, entries.unreachable_example);
}

void FileSystem::Parts::store_is_over() {
  storing.lock()->reset();
  stored.notify_all();
}

Result<void> FileSystem::Parts::await_store(InodeNumber inode, const std::stop_token& stop) {
  auto now_stored = storing.lock();
  if (stored.wait(now_stored.mutex(), stop, [&] { return *now_stored != inode; })) return {};
  return Error{ErrorCode::kCancelled, "opening a file that is being stored"};
}

// The kernel has the bytes and asks for none. Who opens a file is taken to read it: all that can be
// known, for the account of what was fetched ahead as for those who learn from reads.
void FileSystem::Parts::record_all(const OpenFile& file, HandleNumber handle) {
  if (file.excluded) return;
  Event event;
  event.range = {0, file.version.size};
  event.hit = true;
  record(file.stream, event, Operation::kRead, handle, file.version);
}

// For who reads names and no more.
Attributes FileSystem::Parts::entry_attributes(const OpenDirectory& directory,
                                               const DirectoryEntry& entry) const {
  Attributes attributes;
  attributes.inode = inodes.known(directory.inode, entry.name).value_or(kUnknownInode);
  attributes.kind = entry.object == nullptr ? FileKind::kDirectory : FileKind::kFile;
  if (entry.object != nullptr) {
    attributes.size_bytes = entry.object->version.size;
    attributes.modified = entry.object->modified;
  }
  return attributes;
}

FileSystem::FileSystem(FileSystemOptions options, Cache& cache, Prefetcher* prefetcher)
    : parts_(std::make_unique<Parts>(std::move(options), cache, prefetcher)) {}

FileSystem::~FileSystem() = default;

Result<Attributes> FileSystem::lookup(InodeNumber parent, std::string_view name,
                                      std::stop_token stop, Caller caller) {
  const auto directory = parts_->inodes.directory(parent);
  if (!directory) return gone(parent);
  if (!is_file_name(name)) return no_such(directory->prefix, name);
  const InodeNumber as_of = parts_->inodes.now();
  const auto child =
      parts_->cache.metadata().lookup(directory->prefix, std::string(name), std::move(stop));
  if (!child) return child.error();
  const ChildKind kind = child_kind(directory->prefix, name, *child);
  if (kind == ChildKind::kNone) return no_such(directory->prefix, name);
  const ObjectInfo* object = kind == ChildKind::kFile ? &*child->object : nullptr;
  if (object != nullptr && parts_->prefetcher != nullptr &&
      !parts_->is_excluded(object->version.key)) {
    parts_->prefetcher->see(object->version);
    parts_->record(parts_->who(caller, false), {}, Operation::kStat, {}, object->version);
  }
  const auto attributes = parts_->inodes.look_up(parent, name, object, as_of);
  if (!attributes) return gone(parent);
  return *attributes;
}

void FileSystem::forget(InodeNumber inode, std::uint64_t lookups) {
  parts_->inodes.forget(inode, lookups);
}

Result<Attributes> FileSystem::attributes(InodeNumber inode) const {
  const auto attributes = parts_->inodes.attributes(inode);
  if (!attributes) return gone(inode);
  return *attributes;
}

Result<HandleNumber> FileSystem::open(InodeNumber inode, std::stop_token stop, Caller caller) {
  const auto file = parts_->inodes.file(inode);
  if (!file) return gone(inode);
  const auto child = parts_->cache.metadata().lookup(file->prefix, file->name, stop);
  if (!child) return child.error();
  const ChildKind kind = child_kind(file->prefix, file->name, *child);
  if (kind == ChildKind::kNone) return no_such(file->prefix, file->name);
  if (kind != ChildKind::kFile || child->object->version != file->version) {
    return Error{ErrorCode::kStale, fmt::format("'{}' has been replaced", file->version.key)};
  }
  const HandleNumber handle = parts_->next_handle();
  parts_->inodes.hold(inode);
  if (auto done = parts_->await_store(inode, stop); !done) {
    parts_->inodes.unhold(inode);
    return done.error();
  }
  auto opened = std::make_shared<OpenFile>();
  opened->inode = inode;
  opened->version = file->version;
  opened->caller = caller;
  opened->stream = parts_->who(caller, true);
  opened->excluded = parts_->is_excluded(file->version.key);
  if (parts_->prefetcher != nullptr && !opened->excluded) {
    parts_->prefetcher->see(file->version);
    parts_->record(opened->stream, {}, Operation::kOpen, handle, file->version);
  }
  if (parts_->inodes.ask_pages(inode)) {
    opened->in_memory = true;
    ++parts_->stored_opened;
    parts_->stored_opened_bytes += file->version.size;
    parts_->cache.reader().used(file->version, {0, file->version.size});
    parts_->record_all(*opened, handle);
  }
  parts_->files.add(handle, std::move(opened));
  return handle;
}

Result<std::size_t> FileSystem::read(HandleNumber handle, std::uint64_t offset,
                                     std::span<std::byte> out, std::stop_token stop,
                                     Caller caller) {
  const auto file = parts_->files.find(handle);
  if (file == nullptr) return bad_handle(handle);
  const Version& version = file->version;
  if (offset >= version.size || out.empty()) return 0;
  out = out.first(
      static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), version.size - offset)));
  ChunkReader& reader = parts_->cache.reader();
  Event event;
  event.by_kernel_readahead = caller.thread == 0;
  event.range = {offset, out.size()};
  const bool recorded = parts_->prefetcher != nullptr && !file->excluded;
  Stream stream;
  if (recorded) {
    stream = parts_->who_reads(*file, caller);
    event.hit = reader.cached(version, event.range);
    parts_->record(stream, event, Operation::kRead, handle, version);
  }
  const auto began = std::chrono::steady_clock::now();
  const auto outcome = reader.read(version, offset, out, std::move(stop));
  if (!outcome) {
    const Error& error = outcome.error();
    // The next lookup and open shall see what there is now.
    if (error.code == ErrorCode::kStale) parts_->cache.metadata().forget(version.key);
    return error;
  }
  if (!outcome->hit && recorded) {
    event.latency = std::chrono::steady_clock::now() - began;
    parts_->record(stream, event, Operation::kServed, handle, version);
  }
  if (spdlog::should_log(spdlog::level::trace)) {
    spdlog::trace("fs.read key={:?} offset={} bytes={} hit={}", version.key, offset, outcome->bytes,
                  outcome->hit);
  }
  return outcome->bytes;
}

void FileSystem::mark_below(std::uint32_t process) { parts_->streams.mark_below(process); }

std::unique_ptr<PinnedFile> FileSystem::pin(HandleNumber handle) {
  // Below it a read by the daemon is one request, and opening costs more than that saves.
  constexpr std::uint64_t kBytesMin = 128U << 10U;
  const auto file = parts_->files.find(handle);
  if (file == nullptr || file->in_memory || file->version.size < kBytesMin) return nullptr;
  return parts_->cache.pin(file->version);
}

void FileSystem::is_passed_through(HandleNumber handle, bool fresh) {
  const auto file = parts_->files.find(handle);
  if (file == nullptr) return;
  if (fresh) parts_->cache.reader().used(file->version, {0, file->version.size});
  parts_->record_all(*file, handle);
}

void FileSystem::release(HandleNumber handle) {
  const auto file = parts_->files.remove(handle);
  if (file == nullptr) return;
  parts_->inodes.unhold(file->inode);
  if (!file->excluded) {
    parts_->record(file->stream, {}, Operation::kRelease, handle, file->version);
  }
}

std::optional<InodeNumber> FileSystem::storable(const Version& version) const {
  return parts_->inodes.without_pages(version);
}

// First it is said and then it is asked whether it may be; an open holds the inode first and then
// looks whether it is being stored. So one of the two sees the other.
bool FileSystem::begin_store(InodeNumber inode) {
  *parts_->storing.lock() = inode;
  const bool begun = parts_->inodes.store_pages(inode);
  if (!begun) parts_->store_is_over();
  return begun;
}

void FileSystem::end_store(InodeNumber inode, bool stored) {
  if (!stored) parts_->inodes.drop_pages(inode);
  parts_->store_is_over();
}

bool FileSystem::awaits_open(InodeNumber inode) const {
  return parts_->inodes.has_unasked_pages(inode);
}

Result<HandleNumber> FileSystem::open_directory(InodeNumber inode, std::stop_token stop,
                                                Caller caller) {
  const auto found = parts_->inodes.directory(inode);
  if (!found) return gone(inode);
  OpenDirectory directory;
  directory.inode = inode;
  directory.parent = found->parent;
  directory.as_of = parts_->inodes.now();
  auto listing = parts_->cache.metadata().list(found->prefix, std::move(stop));
  if (!listing) return listing.error();
  directory.listing = std::move(*listing);
  const bool empty = directory.listing->objects.empty() && directory.listing->prefixes.empty();
  directory.entries = directory_entries(found->prefix, *directory.listing);
  parts_->count_unreachable(found->prefix, directory.entries);
  // A directory is its keys, but for the root, which is there to be mounted.
  if (empty && inode != kRootInode) return no_such(found->prefix, "");
  const HandleNumber handle = parts_->next_handle();
  if (parts_->prefetcher != nullptr && !parts_->is_excluded(found->prefix)) {
    parts_->prefetcher->list(found->prefix, parts_->exclusions.without_excluded(
                                                directory.listing, parts_->prefix_bytes));
    parts_->record(parts_->who(caller, false), {}, Operation::kList, handle,
                   {found->prefix, {}, 0});
  }
  parts_->inodes.hold(inode);
  parts_->directories.add(handle, std::make_shared<OpenDirectory>(std::move(directory)));
  return handle;
}

Result<void> FileSystem::read_directory(HandleNumber handle, std::uint64_t position,
                                        bool count_lookups, const EntrySink& sink,
                                        std::stop_token stop) {
  const auto directory = parts_->directories.find(handle);
  if (directory == nullptr) return bad_handle(handle);
  for (const auto& [name, inode, at] : {std::tuple{".", directory->inode, kDotPosition},
                                        std::tuple{"..", directory->parent, kDotDotPosition}}) {
    if (position >= at) continue;
    const auto attributes = parts_->inodes.attributes(inode);
    if (!attributes) return gone(inode);
    if (!sink(name, *attributes, at)) return {};
  }
  const auto& entries = directory->entries.entries;
  const std::uint64_t first = std::max(position, kDotDotPosition) - kDotDotPosition;
  for (std::uint64_t i = first; i < entries.size(); ++i) {
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "reading a directory"};
    const DirectoryEntry& entry = entries[i];
    const std::uint64_t next = kFirstEntryPosition + i;
    if (!count_lookups) {
      if (!sink(entry.name, parts_->entry_attributes(*directory, entry), next)) return {};
      continue;
    }
    const auto attributes =
        parts_->inodes.look_up(directory->inode, entry.name, entry.object, directory->as_of);
    if (!attributes) return gone(directory->inode);
    if (!sink(entry.name, *attributes, next)) {
      parts_->inodes.forget(attributes->inode, 1);
      return {};
    }
  }
  return {};
}

void FileSystem::release_directory(HandleNumber handle) {
  const auto directory = parts_->directories.remove(handle);
  if (directory != nullptr) parts_->inodes.unhold(directory->inode);
}

Result<Version> FileSystem::version(InodeNumber inode) const {
  auto file = parts_->inodes.file(inode);
  if (!file) return gone(inode);
  return std::move(file->version);
}

SpaceUsage FileSystem::space() const {
  const CacheStats stats = parts_->cache.stats();
  return {stats.bytes_used, stats.bytes_max};
}

FileSystemStats FileSystem::stats() const {
  FileSystemStats stats;
  stats.inodes = parts_->inodes.size();
  stats.open_files = parts_->files.size();
  stats.stored_opened = parts_->stored_opened;
  stats.stored_opened_bytes = parts_->stored_opened_bytes;
  auto unreachable = parts_->unreachable.lock();
  for (const auto& directory : *unreachable) stats.unreachable_keys += directory.second;
  return stats;
}

}  // namespace augurfs
