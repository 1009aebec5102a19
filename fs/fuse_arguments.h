#pragma once

#include <string>
#include <vector>

#include "fs/fuse_session.h"

namespace augurfs {

// The options of a session in the words of libfuse's command line.
std::vector<std::string> fuse_arguments(const FuseSessionOptions& options);

}  // namespace augurfs
