#include "fs/default_paths.h"

#include <xxhash.h>

#include <array>
#include <cstdio>
#include <string_view>

namespace augurfs {
namespace {

namespace fs = std::filesystem;

// What of a URL a person recognises; the hash beside it is what tells two apart.
constexpr std::size_t kReadableCharsMax = 48;

std::string readable(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || ((c == '.' || c == '_') && !name.empty())) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
    if (name.size() == kReadableCharsMax) break;
  }
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "root" : name;
}

// Readable, and different for each identity.
std::string name_of(std::string_view place, const std::string& identity) {
  std::array<char, 17> hash{};
  std::snprintf(hash.data(), hash.size(), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(identity.data(), identity.size())));
  return readable(place) + "-" + hash.data();
}

// An XDG base directory: the variable when it holds an absolute path (the specification says to
// ignore it otherwise), else its place below HOME; empty when there is neither.
fs::path xdg_directory(const Environment& environment, const char* variable, const char* below) {
  if (const auto set = environment.find(variable);
      set != environment.end() && set->second.starts_with('/')) {
    return set->second;
  }
  if (const auto home = environment.find("HOME");
      home != environment.end() && home->second.starts_with('/')) {
    return fs::path(home->second) / below;
  }
  return {};
}

}  // namespace

std::string mount_name(const StoreUrl& url, const Options& options) {
  const bool s3 = url.scheme == StoreUrl::Scheme::kS3;
  // The query of a file:// URL says how slow to be, not what is stored there.
  const std::string place = s3 ? url.bucket + "/" + url.prefix : url.directory;
  const std::string identity =
      s3 ? "s3\n" + options.remote.endpoint + "\n" + place : "file\n" + place;
  return name_of(place, identity);
}

Result<fs::path> default_cache_directory(const StoreUrl& url, const Options& options,
                                         const Environment& environment, bool as_root) {
  const fs::path base =
      as_root ? "/var/cache" : xdg_directory(environment, "XDG_CACHE_HOME", ".cache");
  if (base.empty()) {
    return Error{ErrorCode::kInvalid,
                 "neither XDG_CACHE_HOME nor HOME is set, so there is no default cache directory; "
                 "set cache.dir"};
  }
  return base / "augurfs" / mount_name(url, options);
}

Result<fs::path> default_log_file(const fs::path& mount_point, const Environment& environment,
                                  bool as_root) {
  const fs::path base =
      as_root ? "/var/log" : xdg_directory(environment, "XDG_STATE_HOME", ".local/state");
  if (base.empty()) {
    return Error{ErrorCode::kInvalid,
                 "neither XDG_STATE_HOME nor HOME is set, so there is no default log file; set "
                 "log.file"};
  }
  return base / "augurfs" / (name_of(mount_point.native(), mount_point.native()) + ".log");
}

std::vector<fs::path> default_config_files(const Environment& environment) {
  std::vector<fs::path> files;
  const fs::path own = xdg_directory(environment, "XDG_CONFIG_HOME", ".config");
  if (!own.empty()) files.push_back(own / "augurfs" / "augurfs.toml");
  files.emplace_back("/etc/augurfs/augurfs.toml");
  return files;
}

}  // namespace augurfs
