#pragma once

#include <optional>
#include <string>

#include "remote/result.h"

namespace augurfs {

// All of a file that is expected to be small: a token, a profile. nullopt when there is none,
// kDenied when it cannot be read, kInvalid when it is larger than a megabyte or no regular file.
Result<std::optional<std::string>> read_small_file(const std::string& path);

}  // namespace augurfs
