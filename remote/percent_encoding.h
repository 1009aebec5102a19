#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace augurfs {

// As RFC 3986 and SigV4 want it: all but letters, digits and "-._~" becomes %XX in capitals.
std::string percent_encode(std::string_view text);

// The same, but '/' stays: for a key in the path of a URL.
std::string percent_encode_path(std::string_view text);

// %XX and, as S3 listings have it, '+' for a space. nullopt when a '%' is not followed by two
// hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace augurfs
