#pragma once

#include <filesystem>

namespace augurfs {

// Whether `path` is `directory` or something below it; both absolute and without links.
bool lies_in(const std::filesystem::path& path, const std::filesystem::path& directory);

}  // namespace augurfs
