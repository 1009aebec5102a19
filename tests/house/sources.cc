#include "house/sources.h"

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <regex>

namespace augurfs {

namespace fs = std::filesystem;

std::vector<std::string> read_lines(const fs::path& path) {
  std::ifstream file(fs::path(AUGURFS_SOURCE_DIRECTORY) / path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<Source> sources(const std::vector<std::string>& folders) {
  const fs::path top = AUGURFS_SOURCE_DIRECTORY;
  std::vector<Source> found;
  for (const auto& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(top / folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".cc" && extension != ".h") continue;
      const auto path = entry.path().lexically_relative(top);
      found.push_back({path, read_lines(path)});
    }
  }
  return found;
}

namespace {

std::string place(const Source& source, std::size_t line_index) {
  return source.path.string() + ":" + std::to_string(line_index + 1) + ": ";
}

}  // namespace

std::vector<std::string> lines_matching(const std::vector<Source>& sources,
                                        const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> matches;
  for (const auto& source : sources) {
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      if (std::regex_search(source.lines[i], regex)) {
        matches.push_back(place(source, i) + source.lines[i]);
      }
    }
  }
  return matches;
}

std::vector<std::string> functions_longer_than(std::size_t lines_max,
                                               const std::vector<Source>& sources) {
  std::vector<std::string> found;
  for (const auto& source : sources) {
    for (const std::string indent : {"", "  "}) {
      std::size_t begin = 0;
      for (std::size_t i = 0; i < source.lines.size(); ++i) {
        const auto& line = source.lines[i];
        if (line == indent + "}") {
          const auto length = i - begin + 1;
          if (length > lines_max) {
            found.push_back(place(source, begin) + std::to_string(length) + " lines");
          }
        } else if (line.find_first_not_of(' ') == indent.size() && line[indent.size()] != '#') {
          begin = i;
        }
      }
    }
  }
  return found;
}

std::vector<std::string> types_defined_twice(const std::vector<Source>& sources) {
  // What stands at the margin; a member's definition has "::" behind its class, a declaration ";".
  const std::regex type(
      R"(^(?:class|struct|union|enum(?: class)?) (?:\[\[\w+\]\] )?(\w+)(?: final)?(?: : | \{|$))");
  std::map<std::string, std::vector<std::string>> places;
  for (const auto& source : sources) {
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
      std::smatch match;
      if (!std::regex_search(source.lines[i], match, type)) continue;
      places[match[1]].push_back(source.path.string() + ":" + std::to_string(i + 1));
    }
  }
  std::vector<std::string> found;
  for (const auto& [name, where] : places) {
    if (where.size() < 2) continue;
    std::string line = name + ":";
    for (const auto& place : where) line += (place == where.front() ? " " : ", ") + place;
    found.push_back(line);
  }
  return found;
}

Outcome run(const std::string& command) {
  const std::string line = "cd '" AUGURFS_SOURCE_DIRECTORY "' && { " + command + "; } 2>&1";
  std::FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) return {-1, "popen failed"};
  Outcome outcome;
  std::array<char, 4096> buffer{};
  while (const auto bytes = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    outcome.output.append(buffer.data(), bytes);
  }
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

}  // namespace augurfs
