#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "remote/file_tree.h"
#include "remote/object_store.h"

namespace augurfs {

// One listing of a FileTree on its way from page to page. Yields keys in the order of their bytes,
// which is not that of a directory walk: "a-b" stands before "a/b". Each directory is read once
// and sorted; between pages only names are kept, no descriptors. What vanishes after its directory
// was read is passed over. Thread rule: one thread at a time.
class FileWalk {
 public:
  // Starts behind `request.start_after` and `request.continuation`, which is the last key or
  // prefix of the page before. `tree` is borrowed and outlives the walk.
  FileWalk(const FileTree& tree, const ListRequest& request);

  // The next page, of at most `max_keys`.
  Result<ListPage> next_page(int max_keys, std::stop_token stop);

 private:
  using Prefix = std::string;
  using Entry = std::variant<ObjectInfo, Prefix>;
  struct Level {
    std::string key;                 // of the directory
    bool marker = false;             // its own key is still to come
    std::vector<std::string> names;  // as FileTree::names
    std::size_t next = 0;
    UniqueFd directory;  // closed between pages
  };

  Result<std::optional<Entry>> next_entry();
  Result<std::optional<Entry>> entry_in(Level& level);
  Result<void> enter(std::string key);
  bool wanted(const std::string& entry) const;

  const FileTree& tree_;
  const std::string prefix_;
  const bool one_level_;
  const std::string after_;
  bool started_ = false;
  std::vector<Level> levels_;
  std::optional<Entry> ahead_;  // read to know that there is another page
  std::uint64_t left_out_ = 0;  // since the last page
  std::string left_out_example_;
};

}  // namespace augurfs
