#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "predictor/profile.h"
#include "remote/result.h"

namespace augurfs {

// The file of a profile: a trace, which `augurfs replay` reads, packed by zstd, behind a first line
// of its own; docs/profiles.md says all of it. Memory is bounded, whatever a file is.

inline constexpr std::size_t kProfileBytesMax = 4 << 20;       // packed
inline constexpr std::size_t kProfileTextBytesMax = 32 << 20;  // unpacked
inline constexpr unsigned kProfileVersion = 1;

// As many of the newest accesses as fit. The same profile makes the same bytes.
Result<std::string> pack(Profile profile, std::size_t bytes_max = kProfileBytesMax);

// All of it or an error for a person that begins with `name`: kCorrupt when the bytes are damaged
// or cut short, kInvalid when they are no profile, of a newer version or may not be one, as with a
// path that is absolute.
Result<Profile> unpack(std::string_view bytes, const std::string& name);

}  // namespace augurfs
