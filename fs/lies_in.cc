#include "fs/lies_in.h"

#include <algorithm>

namespace augurfs {

bool lies_in(const std::filesystem::path& path, const std::filesystem::path& directory) {
  return std::mismatch(directory.begin(), directory.end(), path.begin(), path.end()).first ==
         directory.end();
}

}  // namespace augurfs
