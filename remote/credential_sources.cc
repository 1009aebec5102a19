#include "remote/credential_sources.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "remote/dates.h"
#include "remote/sts.h"

namespace augurfs {

std::string CredentialContext::variable(const std::string& name) const {
  return options.environment ? options.environment(name).value_or("") : "";
}

std::string CredentialContext::profile() const {
  if (!options.profile.empty()) return options.profile;
  const std::string name = variable("AWS_PROFILE");
  return name.empty() ? "default" : name;
}

bool CredentialContext::profile_is_named() const {
  return !options.profile.empty() || !variable("AWS_PROFILE").empty();
}

std::string CredentialContext::region() const {
  for (const auto* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (std::string region = variable(name); !region.empty()) return region;
  }
  const auto profiles =
      AwsProfiles::load([this](const std::string& name) { return variable(name); });
  // Files that cannot be read are reported where their credentials are needed.
  const auto found = profiles ? profiles->find(profile()) : std::nullopt;
  return found ? found->value("region") : "";
}

Result<SourceAnswer> environment_credentials(const CredentialContext& context, std::stop_token) {
  if (!context.options.profile.empty()) {
    return SourceAnswer{std::nullopt, "left out because a profile is configured"};
  }
  Credentials credentials;
  credentials.access_key = context.variable("AWS_ACCESS_KEY_ID");
  credentials.secret_key = context.variable("AWS_SECRET_ACCESS_KEY");
  credentials.session_token = context.variable("AWS_SESSION_TOKEN");
  if (credentials.access_key.empty() && credentials.secret_key.empty()) {
    return SourceAnswer{std::nullopt, "AWS_ACCESS_KEY_ID is not set"};
  }
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return Error{ErrorCode::kDenied,
                 "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set; set both, or "
                 "unset it to use another source"};
  }
  return SourceAnswer{std::move(credentials), "environment"};
}

Result<SourceAnswer> web_identity_credentials(const CredentialContext& context,
                                              std::stop_token stop) {
  if (!context.options.profile.empty()) {
    return SourceAnswer{std::nullopt, "left out because a profile is configured"};
  }
  const std::string token_file = context.variable("AWS_WEB_IDENTITY_TOKEN_FILE");
  if (token_file.empty()) {
    return SourceAnswer{std::nullopt, "AWS_WEB_IDENTITY_TOKEN_FILE is not set"};
  }
  RoleRequest role;
  role.role_arn = context.variable("AWS_ROLE_ARN");
  role.session_name = context.variable("AWS_ROLE_SESSION_NAME");
  if (role.role_arn.empty()) {
    return Error{ErrorCode::kDenied, "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not"};
  }
  auto credentials = assume_role_with_web_identity(context, role, token_file, std::move(stop));
  if (!credentials) return credentials.error();
  return SourceAnswer{std::move(*credentials), "web identity of " + role.role_arn};
}

Result<Credentials> parse_credentials_json(std::string_view text, const char* token_field) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Error{ErrorCode::kInvalid, "the answer is no JSON object"};
  const auto field = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Credentials credentials;
  credentials.access_key = field("AccessKeyId");
  credentials.secret_key = field("SecretAccessKey");
  credentials.session_token = field(token_field);
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return Error{ErrorCode::kInvalid, "the answer lacks AccessKeyId or SecretAccessKey"};
  }
  if (const std::string expiration = field("Expiration"); !expiration.empty()) {
    const auto expires = parse_iso_date(expiration);
    if (!expires) return Error{ErrorCode::kInvalid, "the answer's Expiration is no date"};
    credentials.expires = *expires;
  }
  return credentials;
}

}  // namespace augurfs
