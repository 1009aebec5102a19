#pragma once

#include <map>
#include <string>

namespace augurfs {

// A process's environment by name. A whole map rather than a look-up, because a misspelt
// AUGURFS_ variable is found only by going through all that are set.
using Environment = std::map<std::string, std::string>;

// The environment this process was started with. Called before threads start.
Environment process_environment();

}  // namespace augurfs
