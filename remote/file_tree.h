#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "remote/object_store.h"
#include "remote/result.h"
#include "remote/unique_fd.h"

namespace augurfs {

// The objects that a directory holds: which names are keys, and what stands behind them.
//
// * A regular file is the object of its relative path; names are bytes, in any encoding.
// * A directory is an object of 0 bytes whose key ends in '/', the marker that S3 tools make.
// * A symlink to a regular file inside the root counts as that file. Any other is left out: one
//   that leads outside would be an escape from the root, and one to a directory could make the
//   tree endless. For the same reason no symlink is followed in the middle of a key.
// * Devices, pipes and sockets are left out.
//
// What is left out of a listing is kNotFound to the rest. The root is held open, every step below
// it starts from an open directory, and what was opened is checked after it was opened, so that
// renaming things under our feet opens no way out either.
//
// Thread rule: any thread.
class FileTree {
 public:
  struct File {
    UniqueFd fd;
    struct stat status;
  };

  // kNotFound or kDenied when `directory` is none or cannot be listed.
  static Result<FileTree> open(const std::string& directory);

  // The absolute path of the root, without symlinks.
  const std::string& path() const { return path_; }

  // A directory to look things up in; `key` is "" for the root or ends in '/'.
  Result<UniqueFd> open_directory(std::string_view key) const;

  // What is in a directory, in the order of the keys below it: sorted by bytes, with a '/' behind
  // the names of directories. What is to be left out is still among them.
  Result<std::vector<std::string>> names(const UniqueFd& directory) const;

  // What `name`, no directory, in the open `directory` is; nullopt when it is left out, kNotFound
  // when it is gone.
  Result<std::optional<struct stat>> status(const UniqueFd& directory,
                                            const std::string& name) const;

  // Both kNotFound when there is no such object.
  Result<struct stat> status(const std::string& key) const;
  Result<File> open_file(const std::string& key) const;

 private:
  FileTree(std::string path, UniqueFd root);

  bool inside(const UniqueFd& file) const;
  Error error(int error_number, std::string_view key) const;

  std::string path_;
  UniqueFd root_;
};

// The etag changes whenever the content may have: inode, size, and both times to the nanosecond.
ObjectInfo object_info(std::string key, const struct stat& status);

}  // namespace augurfs
