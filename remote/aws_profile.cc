#include "remote/aws_profile.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "remote/small_file.h"

namespace augurfs {
namespace {

constexpr std::string_view kWhitespace = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhitespace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhitespace) - first + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string unquote(std::string_view name) {
  const bool quoted = name.size() >= 2 && (name.front() == '"' || name.front() == '\'') &&
                      name.front() == name.back();
  return std::string(quoted ? name.substr(1, name.size() - 2) : name);
}

// "[profile x]" is profile x, "[default]" is default, and "[sso-session x]" is none.
std::optional<std::string> profile_of_config_section(const std::string& section) {
  constexpr std::string_view kWord = "profile";
  if (section == "default") return section;
  if (!section.starts_with(kWord) || section.size() == kWord.size()) return std::nullopt;
  const std::string_view rest = std::string_view(section).substr(kWord.size());
  if (kWhitespace.find(rest.front()) == std::string_view::npos) return std::nullopt;
  return unquote(trim(rest));
}

std::string set_or_empty(const EnvironmentLookup& environment, const std::string& name) {
  return environment(name).value_or("");
}

// The path to open for a file's name as it was written.
std::string expand_home(const std::string& file, const EnvironmentLookup& environment) {
  if (!file.starts_with("~/")) return file;
  const std::string home = set_or_empty(environment, "HOME");
  return home.empty() ? std::string() : home + file.substr(1);
}

Result<std::string> read(const std::string& file, const EnvironmentLookup& environment) {
  const std::string path = expand_home(file, environment);
  // The usual way to say that there is none.
  if (path.empty() || path == "/dev/null") return std::string();
  auto text = read_small_file(path);
  if (!text) return text.error();
  return std::move(*text).value_or("");
}

}  // namespace

std::string AwsProfile::value(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? "" : found->second;
}

Result<std::map<std::string, AwsProfiles::Section>> AwsProfiles::parse(std::string_view text,
                                                                       const std::string& file) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  std::map<std::string, Section> sections;
  Section* section = nullptr;
  std::string* value = nullptr;  // what an indented line continues
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    const auto bad = [&](const char* what) {
      return Error{ErrorCode::kInvalid, file + " line " + std::to_string(number) + ": " + what};
    };
    if (line.front() == '[') {
      const std::size_t close = line.find(']');
      if (close == std::string_view::npos) return bad("a section lacks its ']'");
      section = &sections[std::string(trim(line.substr(1, close - 1)))];
      value = nullptr;
      continue;
    }
    if (value != nullptr && (raw.front() == ' ' || raw.front() == '\t')) {
      *value += '\n';
      *value += line;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0) return bad("expected name = value");
    if (section == nullptr) return bad("a setting stands before the first [section]");
    value = &(*section)[lower(trim(line.substr(0, equals)))];
    *value = trim(line.substr(equals + 1));
  }
  return sections;
}

Result<AwsProfiles> AwsProfiles::load(const EnvironmentLookup& environment) {
  AwsProfiles profiles;
  profiles.credentials_file_ = set_or_empty(environment, "AWS_SHARED_CREDENTIALS_FILE");
  if (profiles.credentials_file_.empty()) profiles.credentials_file_ = "~/.aws/credentials";
  profiles.config_file_ = set_or_empty(environment, "AWS_CONFIG_FILE");
  if (profiles.config_file_.empty()) profiles.config_file_ = "~/.aws/config";

  const auto credentials_text = read(profiles.credentials_file_, environment);
  if (!credentials_text) return credentials_text.error();
  auto credentials = parse(*credentials_text, profiles.credentials_file_);
  if (!credentials) return credentials.error();
  profiles.credentials_ = std::move(*credentials);

  const auto config_text = read(profiles.config_file_, environment);
  if (!config_text) return config_text.error();
  auto sections = parse(*config_text, profiles.config_file_);
  if (!sections) return sections.error();
  // In the order of their names, so that [profile default] comes after [default] and wins.
  for (auto& [section, values] : *sections) {
    if (const auto name = profile_of_config_section(section)) {
      profiles.config_[*name] = std::move(values);
    }
  }
  return profiles;
}

std::optional<AwsProfile> AwsProfiles::find(const std::string& name) const {
  const auto config = config_.find(name);
  const auto credentials = credentials_.find(name);
  if (config == config_.end() && credentials == credentials_.end()) return std::nullopt;
  AwsProfile profile;
  if (config != config_.end()) {
    profile.values = config->second;
    profile.where = config_file_;
  }
  if (credentials == credentials_.end()) return profile;
  const Section& section = credentials->second;
  const bool has_keys = section.contains("aws_access_key_id");
  if (has_keys || config == config_.end()) profile.where = credentials_file_;
  // The keys of two files are never mixed: half of each would be a pair that fits nothing.
  if (has_keys || section.contains("aws_secret_access_key")) {
    for (const auto* key : {"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}) {
      profile.values.erase(key);
    }
  }
  for (const auto& [setting, value] : section) profile.values[setting] = value;
  return profile;
}

}  // namespace augurfs
