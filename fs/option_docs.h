#pragma once

#include <string>

namespace augurfs {

// What a person reads about the options, made from the table.

// A TOML file with every option, its documentation and its default, all commented out.
std::string config_example();
// docs/configuration.md.
std::string configuration_page();
// One line for each option, for --help.
std::string options_summary();

}  // namespace augurfs
