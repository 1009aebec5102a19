#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache/metadata_cache.h"
#include "remote/object_store.h"

namespace augurfs {

// How keys become paths. A key is cut at each "/"; what is before a "/" is a directory, what is
// after the last is a file. A key that ends in "/" marks a directory and is no file. Keys that
// would need a name no path can have are unreachable, and so is an object beside a directory of
// the same name. docs/semantics.md says this for people. Pure functions, any thread.

inline constexpr std::size_t kNameBytesMax = 255;  // NAME_MAX of Linux
inline constexpr std::size_t kKeyBytesMax = 4095;  // PATH_MAX of Linux without its NUL

// Whether a path component can have this name: not empty, ".", "..", too long, nor with a NUL.
bool is_file_name(std::string_view name);

struct DirectoryEntry {
  std::string_view name;               // a part of the listing's strings
  const ObjectInfo* object = nullptr;  // of the listing; null for a directory
};

struct DirectoryEntries {
  std::vector<DirectoryEntry> entries;  // directories, then files, each in the order of bytes
  std::uint64_t unreachable = 0;        // objects, prefixes with all below them, what was left out
  std::string unreachable_example;      // one such key or prefix
};

// The entries point into `listing`, which outlives them.
DirectoryEntries directory_entries(const std::string& prefix, const Listing& listing);

// The same for one name. `child` is what prefix + name is; the result points into it.
enum class ChildKind : std::uint8_t { kNone, kFile, kDirectory };
ChildKind child_kind(const std::string& prefix, std::string_view name, const Child& child);

}  // namespace augurfs
