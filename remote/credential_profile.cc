#include <nlohmann/json.hpp>
#include <utility>

#include "remote/credential_sources.h"
#include "remote/run_command.h"
#include "remote/sts.h"

namespace augurfs {
namespace {

// A role whose source profile has a role, and so on: more than a few is a circle.
constexpr int kRolesMax = 5;

// Finds the credentials of one profile, and of those it builds on.
class ProfileResolver {
 public:
  ProfileResolver(const CredentialContext& context, const AwsProfiles& profiles,
                  std::stop_token stop)
      : context_(context), profiles_(profiles), stop_(std::move(stop)) {}

  Result<SourceAnswer> resolve(const std::string& name) {
    const auto profile = profiles_.find(name);
    if (!profile) {
      const std::string files = profiles_.credentials_file() + " nor " + profiles_.config_file();
      return SourceAnswer{std::nullopt, "neither " + files + " has a profile '" + name + "'"};
    }
    if (!profile->value("role_arn").empty()) return role(name, *profile);
    return own(name, *profile);
  }

 private:
  // What the profile has without any role.
  Result<SourceAnswer> own(const std::string& name, const AwsProfile& profile) {
    Credentials keys{profile.value("aws_access_key_id"), profile.value("aws_secret_access_key"),
                     profile.value("aws_session_token"), std::nullopt};
    const std::string where = "profile '" + name + "' in " + profile.where;
    if (!keys.access_key.empty() && !keys.secret_key.empty()) {
      return SourceAnswer{std::move(keys), where};
    }
    if (!keys.access_key.empty() || !keys.secret_key.empty()) {
      return Error{
          ErrorCode::kDenied,
          where + " has only one of aws_access_key_id and aws_secret_access_key; add the other"};
    }
    if (const std::string command = profile.value("credential_process"); !command.empty()) {
      return process(where, command);
    }
    if (!profile.value("sso_session").empty() || !profile.value("sso_start_url").empty()) {
      return Error{ErrorCode::kDenied,
                   where +
                       " uses SSO, which only AWS's own tools speak; let it name one of them: "
                       "credential_process = aws configure export-credentials --profile NAME"};
    }
    return SourceAnswer{std::nullopt, where + " has no credentials"};
  }

  Result<SourceAnswer> process(const std::string& where, const std::string& command) {
    const std::string what = "credential_process of " + where;
    const auto output = run_command(command, {}, stop_);
    if (!output) return output.error().in(what);
    const auto json = nlohmann::json::parse(*output, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("Version") || json["Version"] != 1) {
      return Error{ErrorCode::kDenied, what + ": its output is no JSON object of \"Version\": 1"};
    }
    auto credentials = parse_credentials_json(*output, "SessionToken");
    if (!credentials) return credentials.error().in(what);
    return SourceAnswer{std::move(*credentials), what};
  }

  Result<SourceAnswer> role(const std::string& name, const AwsProfile& profile) {
    const std::string what = "role of profile '" + name + "'";
    if (++roles_ > kRolesMax) {
      return Error{ErrorCode::kDenied, what + ": its source_profile leads in a circle"};
    }
    if (!profile.value("mfa_serial").empty()) {
      return Error{ErrorCode::kDenied, what + ": mfa_serial asks for a person at the keyboard"};
    }
    const RoleRequest request{profile.value("role_arn"), profile.value("role_session_name"),
                              profile.value("external_id"), profile.value("duration_seconds")};
    Result<Credentials> credentials;
    if (const auto file = profile.value("web_identity_token_file"); !file.empty()) {
      credentials = assume_role_with_web_identity(context_, request, file, stop_);
    } else {
      const auto base = role_base(name, profile);
      if (!base) return base.error().in(what);
      if (!base->credentials) return Error{ErrorCode::kDenied, what + ": " + base->said};
      credentials = assume_role(context_, request, *base->credentials, stop_);
    }
    if (!credentials) return credentials.error().in(what);
    return SourceAnswer{std::move(*credentials), what + " in " + profile.where};
  }

  // The credentials that the role is assumed with.
  Result<SourceAnswer> role_base(const std::string& name, const AwsProfile& profile) {
    const std::string source_profile = profile.value("source_profile");
    if (source_profile == name) return own(name, profile);
    if (!source_profile.empty()) return resolve(source_profile);
    const std::string source = profile.value("credential_source");
    if (source == "Environment") return environment_credentials(context_, stop_);
    if (source == "EcsContainer") return container_credentials(context_, stop_);
    if (source == "Ec2InstanceMetadata") return instance_credentials(context_, stop_);
    return Error{ErrorCode::kDenied,
                 "it needs source_profile, web_identity_token_file, or credential_source = "
                 "Environment, EcsContainer or Ec2InstanceMetadata"};
  }

  const CredentialContext& context_;
  const AwsProfiles& profiles_;
  const std::stop_token stop_;
  int roles_ = 0;
};

}  // namespace

Result<SourceAnswer> profile_credentials(const CredentialContext& context, std::stop_token stop) {
  const auto profiles =
      AwsProfiles::load([&](const std::string& name) { return context.variable(name); });
  if (!profiles) return profiles.error();
  const std::string name = context.profile();
  auto answer = ProfileResolver(context, *profiles, std::move(stop)).resolve(name);
  // Whoever names a profile does not want to be somebody else when it is not there.
  if (answer && !answer->credentials && context.profile_is_named()) {
    const bool by_option = !context.options.profile.empty();
    return Error{ErrorCode::kDenied, answer->said + "; correct it there, or name another one in " +
                                         (by_option ? "remote.profile" : "AWS_PROFILE")};
  }
  return answer;
}

}  // namespace augurfs
