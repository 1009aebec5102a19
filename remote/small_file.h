#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "remote/result.h"

namespace augurfs {

// Files that are read and written whole: a token, a profile. Errors name the file.

// nullopt when there is none, kDenied when it cannot be read, kInvalid when it is larger than
// `bytes_max`, whole mebibytes, or no regular file; what is none, as a pipe, is not waited for.
Result<std::optional<std::string>> read_small_file(const std::filesystem::path& path,
                                                   std::size_t bytes_max = std::size_t{1} << 20);

enum class Sync : std::uint8_t {
  kNo,   // a power cut may bring back what was there some seconds ago
  kYes,  // it does not; waits for the disk
};

// In the place of what is there, or an error: kNoSpace, kDenied, kUnavailable. What is there is the
// old or the new, whole. For its user alone. One writer of a file at a time.
Result<void> write_small_file(const std::filesystem::path& path, std::string_view bytes,
                              Sync sync = Sync::kYes);

}  // namespace augurfs
