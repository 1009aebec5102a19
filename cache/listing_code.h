#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cache/metadata_table.h"

namespace augurfs {

// A listing as the bytes in which it is kept on disk; docs/on-disk.md has the format. Keys are
// written by what they have not in common with the one before, some 45 bytes an object.
std::string encode_listing(const std::string& prefix, const Listing& listing);

// Of the prefix it was encoded for; nullopt when these bytes are no listing.
std::optional<Listing> decode_listing(const std::string& prefix, std::string_view bytes);

}  // namespace augurfs
