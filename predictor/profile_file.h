#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "predictor/profile.h"
#include "remote/result.h"

namespace augurfs {

// The file of a profile: a trace, which `augurfs replay` reads, packed by zstd, behind a first line
// of its own; docs/profiles.md says all of it. Memory is bounded, whatever a file is.

inline constexpr std::size_t kProfileBytesMax = 4 << 20;
inline constexpr std::size_t kProfileTextBytesMax = 32 << 20;  // unpacked
inline constexpr unsigned kProfileVersion = 1;

// As many of the newest accesses as fit. The same profile makes the same bytes.
Result<std::string> pack(Profile profile, std::size_t bytes_max = kProfileBytesMax);

// All of it or an error for a person that begins with `name`: kCorrupt when the bytes are damaged
// or cut short, kInvalid when they are no profile, of a newer version or may not be one, as with a
// path that is absolute.
Result<Profile> unpack(std::string_view bytes, const std::string& name);

// The bytes of a file, not looked into yet. A file that is too large for a profile, or none to be
// read to its end, is an error.
Result<std::string> read_profile_file(const std::filesystem::path& path);
// In the place of what is there, or an error and nothing has changed. For its user alone.
Result<void> write_profile_file(const std::filesystem::path& path, std::string_view bytes);

}  // namespace augurfs
