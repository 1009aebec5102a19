#include "remote/file_store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>
#include <utility>
#include <vector>

#include "remote/wait.h"

namespace augurfs {
namespace {

// Small enough for a slow link to deliver evenly, large enough for a system call to be cheap.
constexpr std::size_t kPieceBytes = 131'072;

// The kernel stamps changes with a clock that ticks every 1 to 10 ms: a second write within a tick
// of the first leaves the same times. A file is read only once it is older than a tick, so that
// nobody sees bytes that share their times with others.
constexpr std::chrono::milliseconds kTimestampTick{20};

Error cancelled() { return {ErrorCode::kCancelled, "file: cancelled"}; }

// How long until a change made now would show in the file's times.
std::chrono::nanoseconds time_to_settle(const struct stat& status) {
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto age = std::chrono::seconds{now.tv_sec - status.st_ctim.tv_sec} +
                   std::chrono::nanoseconds{now.tv_nsec - status.st_ctim.tv_nsec};
  return std::clamp<std::chrono::nanoseconds>(kTimestampTick - age, std::chrono::nanoseconds{0},
                                              kTimestampTick);
}

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::open(const FileStoreOptions& options) {
  auto tree = FileTree::open(options.directory);
  if (!tree) return tree.error();
  return std::unique_ptr<FileStore>(new FileStore(std::move(*tree), options));
}

FileStore::FileStore(FileTree tree, const FileStoreOptions& options)
    : tree_(std::move(tree)),
      far_away_(options.round_trip.count() > 0),
      link_(options.round_trip, options.bits_per_second) {}

StoreStats FileStore::stats() const {
  StoreStats stats;
  stats.requests = requests_;
  stats.errors = errors_;
  stats.bytes_received = bytes_received_;
  return stats;
}

template <typename Operation>
auto FileStore::request(std::stop_token stop, const Operation& operation) -> decltype(operation()) {
  ++requests_;
  if (!link_.round_trip(std::move(stop))) return cancelled();
  auto result = operation();
  const bool failed = !result && result.error().code != ErrorCode::kNotFound &&
                      result.error().code != ErrorCode::kCancelled;
  if (failed) ++errors_;
  return result;
}

Result<ObjectInfo> FileStore::head(const std::string& key, std::stop_token stop) {
  return request(std::move(stop), [&]() -> Result<ObjectInfo> {
    const auto status = tree_.status(key);
    if (!status) return status.error();
    return object_info(key, *status);
  });
}

std::unique_ptr<FileWalk> FileStore::take_walk(const ListRequest& request) {
  if (!request.continuation.empty()) {
    auto listings = listings_.lock();
    for (auto listing = listings->begin(); listing != listings->end(); ++listing) {
      if (listing->prefix == request.prefix && listing->delimiter == request.delimiter &&
          listing->continuation == request.continuation) {
        auto walk = std::move(listing->walk);
        listings->erase(listing);
        return walk;
      }
    }
  }
  return std::make_unique<FileWalk>(tree_, request);
}

void FileStore::keep_walk(const ListRequest& request, const ListPage& page,
                          std::unique_ptr<FileWalk> walk) {
  if (page.next.empty()) return;
  std::list<Listing> dropped;  // outlives the lock: freeing many names takes a while
  auto listings = listings_.lock();
  listings->push_front({request.prefix, request.delimiter, page.next, std::move(walk)});
  if (listings->size() > kListingsMax) {
    dropped.splice(dropped.begin(), *listings, std::prev(listings->end()));
  }
}

Result<ListPage> FileStore::list(const ListRequest& list_request, std::stop_token stop) {
  if (!list_request.delimiter.empty() && list_request.delimiter != "/") {
    return Error{ErrorCode::kInvalid, "file: the only delimiter is '/'"};
  }
  if (list_request.max_keys < 1) {
    return Error{ErrorCode::kInvalid, "file: a page has room for at least one key"};
  }
  return request(stop, [&]() -> Result<ListPage> {
    auto walk = take_walk(list_request);
    auto page = walk->next_page(list_request.max_keys, stop);
    if (page) keep_walk(list_request, *page, std::move(walk));
    return page;
  });
}

Error FileStore::stale(const Version& version) const {
  return {ErrorCode::kStale, identity() + ": '" + version.key + "' has been changed"};
}

Result<void> FileStore::get(const Version& version, ByteRange range, const ByteSink& sink,
                            std::stop_token stop) {
  if (range.offset > version.size || range.length > version.size - range.offset) {
    return Error{ErrorCode::kInvalid, identity() + ": '" + version.key + "': range beyond its end"};
  }
  if (range.length == 0) return {};
  return request(stop, [&] { return copy(version, range, sink, stop); });
}

Result<void> FileStore::copy(const Version& version, ByteRange range, const ByteSink& sink,
                             std::stop_token stop) {
  const auto file = tree_.open_file(version.key);
  if (!file && file.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kStale, file.error().message};
  }
  if (!file) return file.error();
  if (const auto wait = time_to_settle(file->status); wait.count() > 0) {
    if (!wait_until(std::chrono::steady_clock::now() + wait, stop)) return cancelled();
  }
  std::vector<std::byte> piece(std::min<std::uint64_t>(kPieceBytes, range.length));
  for (std::uint64_t done = 0; done < range.length;) {
    const auto wanted = std::min<std::uint64_t>(piece.size(), range.length - done);
    const ssize_t got =
        ::pread(file->fd.get(), piece.data(), wanted, static_cast<off_t>(range.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Error{ErrorCode::kUnavailable, identity() + ": '" + version.key +
                                                "': " + std::generic_category().message(errno)};
    }
    // Asked after the bytes were read, so that they are known to be the version's.
    struct stat status {};
    if (::fstat(file->fd.get(), &status) != 0 ||
        object_info(version.key, status).version != version || got == 0) {
      return stale(version);
    }
    if (!link_.transfer(static_cast<std::uint64_t>(got), stop)) return cancelled();
    bytes_received_ += static_cast<std::uint64_t>(got);
    if (!sink(std::span(piece).first(static_cast<std::size_t>(got)))) return cancelled();
    done += static_cast<std::uint64_t>(got);
  }
  return {};
}

}  // namespace augurfs
