#include "fs/mounted_file_system.h"

#include <spdlog/spdlog.h>

#include <future>
#include <span>
#include <stdexcept>
#include <vector>

namespace augurfs {
namespace {

template <typename T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

MountedFileSystem::MountedFileSystem(const MountedFileSystemOptions& options)
    : gate(options.store == nullptr ? store : *options.store) {
  // Made before there are threads: ThreadSanitizer does not see how the library makes it but once.
  spdlog::default_logger();
  CacheOptions cache;
  cache.directory = directory_.path() / "cache";
  cache.size_bytes_max = options.cache_bytes_max;
  cache.chunk_size_bytes = kChunkBytes;
  cache.metadata_ttl = kTtl;
  cache.now = clock_.function();
  if (options.into_memory_bytes_max > 0) cache.landings = PageFeed::landings();
  cache_ = value_of(Cache::open(cache, gate));
  if (options.brain) {
    prefetcher_ =
        std::make_unique<Prefetcher>(cache_->reader(), std::vector<std::unique_ptr<Expert>>(),
                                     PrefetcherOptions{.brain = options.brain});
  }
  files_ =
      std::make_unique<FileSystem>(FileSystemOptions{options.prefix}, *cache_, prefetcher_.get());

  FuseSessionOptions session;
  session.source = "memory";
  session.directory = path();
  session.uid = options.uid;
  session.gid = options.gid;
  session.file_mode = options.file_mode;
  session.directory_mode = options.directory_mode;
  session.name_ttl = options.name_ttl;
  session.passthrough = options.passthrough;
  session.cache_directory = cache.directory;
  constexpr std::uint64_t kIdleShare = 32;
  session.idle_bytes_max = options.cache_bytes_max / kIdleShare;
  std::filesystem::create_directories(path());
  session_ = value_of(FuseSession::mount(session, *files_));
  page_feed_ = std::make_unique<PageFeed>(
      PageFeedOptions{.unopened_bytes_max = options.into_memory_bytes_max}, *files_,
      cache_->reader(), [this](InodeNumber inode, std::span<const std::byte> bytes) {
        return session_->store(inode, bytes);
      });
  std::promise<void> ready;
  server_ = std::jthread([this, &ready] {
    const auto ended = session_->run([&ready] { ready.set_value(); });
    if (!ended) throw std::runtime_error(ended.error().message);
  });
  ready.get_future().wait();
}

MountedFileSystem::~MountedFileSystem() {
  gate.open();
  session_->stop();
  server_.join();
  page_feed_.reset();
  session_.reset();  // unmounts before the directory goes
}

std::filesystem::path MountedFileSystem::path(const std::string& name) const {
  const auto root = directory_.path() / "drive";
  return name.empty() ? root : root / name;
}

}  // namespace augurfs
