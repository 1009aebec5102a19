#pragma once

#include <string>
#include <string_view>

#include "fs/environment.h"
#include "fs/options.h"
#include "remote/result.h"

namespace augurfs {

// Where options come from besides the config file. Each sets in `options` what its source says;
// kInvalid, naming the source, at the first thing that is wrong.

// AUGURFS_SECTION_KEY. A variable that begins with AUGURFS_ and the name of a section, or is
// nearly the name of an option, but is none, is an error; what the program's own processes tell
// each other has other names.
Result<void> apply_environment(const Environment& environment, Options& options);

// "section.key=value", as behind --set.
Result<void> apply_setting(std::string_view setting, Options& options);

// "allow_other,cache.size=20GiB", as behind -o. What mount(8) adds is dropped.
Result<void> apply_mount_options(std::string_view list, Options& options);

}  // namespace augurfs
