#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace augurfs {

// A text file of the tree. The path is relative to the top of it.
struct Source {
  std::filesystem::path path;
  std::vector<std::string> lines;
};

// The lines of a file; the path is relative to the top of the tree.
std::vector<std::string> read_lines(const std::filesystem::path& path);

// Every .cc and .h below `folders`.
std::vector<Source> sources(const std::vector<std::string>& folders);

// "path:line: text" for each line that `pattern` (ECMAScript) is found in.
std::vector<std::string> lines_matching(const std::vector<Source>& sources,
                                        const std::string& pattern);

// "path:line: N lines" for each function longer than `lines_max`. Goes by the indentation that
// clang-format gives: what opens and closes at a column is one function, or a part of a longer one.
std::vector<std::string> functions_longer_than(std::size_t lines_max,
                                               const std::vector<Source>& sources);

// "Name: path:line, path:line" for each type of a namespace that is defined more than once.
std::vector<std::string> types_defined_twice(const std::vector<Source>& sources);

// The exit status of `command` in a shell at the top of the tree, and what it printed.
struct Outcome {
  int status = 0;
  std::string output;
};
Outcome run(const std::string& command);

}  // namespace augurfs
