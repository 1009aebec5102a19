#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "cache/metadata_table.h"
#include "remote/object_store.h"

namespace augurfs {

// The listing of one directory.
struct CutListing {
  std::string prefix;
  DirectoryPage page;
};

// Cuts an undelimited listing, page by page, into the listings of the directories it goes through:
// each is what a listing of its own would have said. The keys come in the order of their bytes, so
// a directory is complete once a key beyond it has come. One of which the beginning was not seen is
// left out: what `after` lies in.
//
// Memory: one path of open directories. Thread rule: none.
class ListingCutter {
 public:
  // Of the keys below `root` that follow `after`.
  ListingCutter(std::string root, std::string after, std::size_t open_entries_max);

  // Adds to `complete` what `page`, asked for then, completes. False: nothing more can be made of
  // this listing, because it is out of order, holds what is not below the root or stands for no
  // object, or has too many entries in open directories.
  bool add(const ListPage& page, std::chrono::steady_clock::time_point asked,
           std::vector<CutListing>& complete);

  // The last key that came, at first `after`.
  const std::string& last() const { return last_; }

 private:
  struct Level {
    CutListing directory;
    bool whole = false;  // seen from its beginning
  };

  void open(std::string prefix, std::chrono::steady_clock::time_point asked);
  void close(std::vector<CutListing>& complete);

  std::string root_;
  std::string after_;
  std::size_t open_entries_max_;
  std::string last_;
  std::vector<Level> levels_;  // each lies in the one before
  std::size_t open_entries_ = 0;
};

}  // namespace augurfs
