#include "predictor/exclusions.h"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

namespace augurfs {
namespace {

std::vector<std::string> patterns(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    std::string_view word = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), word.size() + 1));
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ') || word.ends_with('/')) word.remove_suffix(1);
    if (!word.empty()) out.emplace_back(word);
  }
  return out;
}

bool matches(const std::string& pattern, std::string_view text) {
  return ::fnmatch(pattern.c_str(), std::string(text).c_str(), 0) == 0;
}

bool matches_part(const std::string& pattern, std::string_view path) {
  const bool name_alone = pattern.find('/') == std::string::npos;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (matches(pattern, path.substr(0, end))) return true;
    if (name_alone && matches(pattern, path.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

Exclusions::Exclusions(std::string_view programs, std::string_view paths)
    : programs_(patterns(programs)), paths_(patterns(paths)) {}

bool Exclusions::program(std::string_view executable) const {
  const std::string_view name = executable.substr(executable.rfind('/') + 1);
  return std::any_of(programs_.begin(), programs_.end(),
                     [&](const std::string& pattern) { return matches(pattern, name); });
}

bool Exclusions::path(std::string_view path) const {
  return std::any_of(paths_.begin(), paths_.end(),
                     [&](const std::string& pattern) { return matches_part(pattern, path); });
}

std::shared_ptr<const Listing> Exclusions::without_excluded(std::shared_ptr<const Listing> listing,
                                                            std::size_t prefix_bytes) const {
  if (paths_.empty()) return listing;
  const auto excluded = [&](const std::string& key) {
    return path(std::string_view(key).substr(prefix_bytes));
  };
  auto rest = std::make_shared<Listing>(*listing);
  std::erase_if(rest->objects,
                [&](const ObjectInfo& object) { return excluded(object.version.key); });
  std::erase_if(rest->prefixes, excluded);
  return rest;
}

}  // namespace augurfs
