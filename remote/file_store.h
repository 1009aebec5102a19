#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "remote/file_tree.h"
#include "remote/file_walk.h"
#include "remote/guarded.h"
#include "remote/object_store.h"
#include "remote/slow_link.h"

namespace augurfs {

struct FileStoreOptions {
  std::string directory;                   // absolute
  std::chrono::nanoseconds round_trip{0};  // added to each request
  double bits_per_second = 0;              // of all transfers together; 0: no limit
};

// A local directory as a bucket; FileTree says which files are objects. A file that is changed in
// place is a new version from that moment on: every piece is delivered only after the file was
// seen unchanged behind it. What a program writes through a shared mapping is the exception, since
// the kernel dates such a write late; do not edit a mounted directory that way.
//
// A listing continues where its last page ended without reading its directory again, as long as
// not more than kListingsMax others were begun meanwhile; else it finds its place anew.
class FileStore : public ObjectStore {
 public:
  static Result<std::unique_ptr<FileStore>> open(const FileStoreOptions& options);

  Result<ObjectInfo> head(const std::string& key, std::stop_token stop) override;
  Result<ListPage> list(const ListRequest& request, std::stop_token stop) override;
  // Where there is no round trip to be saved, reading one directory is the least work.
  bool lists_subtrees() const override { return far_away_; }
  Result<void> get(const Version& version, ByteRange range, const ByteSink& sink,
                   std::stop_token stop) override;
  std::string identity() const override { return "file://" + tree_.path(); }
  StoreStats stats() const override;

 private:
  static constexpr std::size_t kListingsMax = 8;

  struct Listing {
    std::string prefix;
    std::string delimiter;
    std::string continuation;
    std::unique_ptr<FileWalk> walk;
  };

  FileStore(FileTree tree, const FileStoreOptions& options);

  // One request: counts it, lets its round trip pass, and counts what came of it.
  template <typename Operation>
  auto request(std::stop_token stop, const Operation& operation) -> decltype(operation());
  Result<void> copy(const Version& version, ByteRange range, const ByteSink& sink,
                    std::stop_token stop);
  std::unique_ptr<FileWalk> take_walk(const ListRequest& request);
  void keep_walk(const ListRequest& request, const ListPage& page, std::unique_ptr<FileWalk> walk);
  Error stale(const Version& version) const;

  const FileTree tree_;
  const bool far_away_;
  SlowLink link_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> errors_{0};
  std::atomic<std::uint64_t> bytes_received_{0};
  Guarded<std::list<Listing>> listings_;  // the latest first
};

}  // namespace augurfs
