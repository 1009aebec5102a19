#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/metadata_table.h"

namespace augurfs {

// Whose accesses, and to what, are nobody's business: they are not recorded, teach nothing, and
// nothing is fetched ahead for them. Constant after construction.
class Exclusions {
 public:
  Exclusions() = default;
  // Patterns as of fnmatch(3), separated by commas; '*' goes across '/'.
  Exclusions(std::string_view programs, std::string_view paths);

  // By the name of the file, wherever it lies.
  bool program(std::string_view executable) const;
  // By the whole path below the mount point, a directory above it, or, for a pattern without '/',
  // any name in it.
  bool path(std::string_view path) const;
  // A listing without what is excluded; the mount point lies `prefix_bytes` into its keys. Who
  // knows of a child may fetch it ahead.
  std::shared_ptr<const Listing> without_excluded(std::shared_ptr<const Listing> listing,
                                                  std::size_t prefix_bytes) const;

 private:
  std::vector<std::string> programs_;
  std::vector<std::string> paths_;
};

}  // namespace augurfs
