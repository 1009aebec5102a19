#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "remote/result.h"

namespace augurfs {

// The value of an environment variable; nullopt when it is not set.
using EnvironmentLookup = std::function<std::optional<std::string>(const std::string& name)>;

// The settings of one profile, names in lower case.
struct AwsProfile {
  std::map<std::string, std::string> values;
  std::string where;  // the file its keys stand in, or else the one it was found in

  // "" when there is no such setting.
  std::string value(const std::string& name) const;
};

// The profiles of the files that AWS's own tools share: ~/.aws/credentials with [name] and
// ~/.aws/config with [profile name], or those that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE
// name. A file that does not exist is empty. Constant once loaded.
class AwsProfiles {
 public:
  // kDenied for a file that cannot be read, kInvalid with the line for one that cannot be
  // understood. The text of a line is never repeated: it may be a secret.
  static Result<AwsProfiles> load(const EnvironmentLookup& environment);

  // Both files' settings; those of the credentials file go first.
  std::optional<AwsProfile> find(const std::string& name) const;

  // The two files' names, for messages.
  const std::string& credentials_file() const { return credentials_file_; }
  const std::string& config_file() const { return config_file_; }

 private:
  using Section = std::map<std::string, std::string>;

  static Result<std::map<std::string, Section>> parse(std::string_view text,
                                                      const std::string& file);

  std::string credentials_file_;
  std::string config_file_;
  std::map<std::string, Section> credentials_;
  std::map<std::string, Section> config_;
};

}  // namespace augurfs
