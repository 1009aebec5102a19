#include "fs/key_rules.h"

#include <algorithm>
#include <functional>

namespace augurfs {
namespace {

// What a prefix or key below `prefix` is called there, without the "/" at the end of a prefix.
std::string_view name_of(std::string_view key, const std::string& prefix) {
  key.remove_prefix(prefix.size());
  if (key.ends_with('/')) key.remove_suffix(1);
  return key;
}

bool reachable(std::string_view key, const std::string& prefix) {
  return key.size() <= kKeyBytesMax && is_file_name(name_of(key, prefix));
}

}  // namespace

bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= kNameBytesMax &&
         name.find_first_of(std::string_view("\0/", 2)) == std::string_view::npos;
}

DirectoryEntries directory_entries(const std::string& prefix, const Listing& listing) {
  DirectoryEntries result;
  result.unreachable = listing.left_out;
  result.unreachable_example = listing.left_out_example;
  result.entries.reserve(listing.prefixes.size() + listing.objects.size());
  const auto unreachable = [&](const std::string& key) {
    if (result.unreachable++ == 0) result.unreachable_example = key;
  };
  for (const std::string& key : listing.prefixes) {
    if (reachable(key, prefix)) {
      result.entries.push_back({name_of(key, prefix), nullptr});
    } else {
      unreachable(key);
    }
  }
  for (const ObjectInfo& object : listing.objects) {
    const std::string& key = object.version.key;
    if (key == prefix) {
      // The marker of this directory: it has done its duty. Were there bytes in it, no path
      // would lead to them.
      if (object.version.size > 0) unreachable(key);
    } else if (!reachable(key, prefix) ||
               std::binary_search(listing.prefixes.begin(), listing.prefixes.end(), key + "/")) {
      unreachable(key);
    } else {
      result.entries.push_back({name_of(key, prefix), &object});
    }
  }
  return result;
}

ChildKind child_kind(const std::string& prefix, std::string_view name, const Child& child) {
  if (!is_file_name(name)) return ChildKind::kNone;
  const std::size_t key_bytes = prefix.size() + name.size();
  if (child.is_prefix && key_bytes + 1 <= kKeyBytesMax) return ChildKind::kDirectory;
  if (child.object && key_bytes <= kKeyBytesMax) return ChildKind::kFile;
  return ChildKind::kNone;
}

}  // namespace augurfs
