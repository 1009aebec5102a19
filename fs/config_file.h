#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "fs/options.h"
#include "remote/result.h"

namespace augurfs {

// Sets in `options` what a TOML text says. kInvalid with one line for each thing that is wrong,
// in the order of the text: "NAME:LINE:COLUMN: what". `options` may have been changed then.
Result<void> apply_config(std::string_view text, const std::string& name, Options& options);

// The same for a file. kInvalid also when it cannot be read, or is not there.
Result<void> apply_config_file(const std::filesystem::path& file, Options& options);

// The first of `files` that is there; none of them has to be.
Result<void> apply_first_config_file(const std::vector<std::filesystem::path>& files,
                                     Options& options);

}  // namespace augurfs
