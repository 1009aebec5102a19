#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "remote/aws_profile.h"
#include "remote/credentials.h"
#include "remote/http_client.h"
#include "remote/result.h"

namespace augurfs {

// What a source of credentials sees of the world. Thread rule: constant.
struct CredentialContext {
  const CredentialOptions& options;
  HttpClient& http;

  // The value of a variable; "" when it is not set.
  std::string variable(const std::string& name) const;
  // The profile to use, and whether somebody asked for it rather than it being the default.
  std::string profile() const;
  bool profile_is_named() const;
  // As CredentialChain::region().
  std::string region() const;
};

// A source that is not configured has no credentials and says why: the next is asked. One that is
// configured but fails is an Error and ends the search, since another's credentials would be
// somebody else's.
struct SourceAnswer {
  std::optional<Credentials> credentials;
  std::string said;  // where the credentials came from, or why there are none
};

using CredentialSource = Result<SourceAnswer> (*)(const CredentialContext& context,
                                                  std::stop_token stop);

Result<SourceAnswer> environment_credentials(const CredentialContext& context,
                                             std::stop_token stop);
Result<SourceAnswer> web_identity_credentials(const CredentialContext& context,
                                              std::stop_token stop);
// Keys, credential_process, or a role to assume.
Result<SourceAnswer> profile_credentials(const CredentialContext& context, std::stop_token stop);
Result<SourceAnswer> container_credentials(const CredentialContext& context, std::stop_token stop);
Result<SourceAnswer> instance_credentials(const CredentialContext& context, std::stop_token stop);

// The URL that a container's variables name; "" when they are not set, kInvalid when the
// credentials would travel in the clear to another machine.
Result<std::string> container_url(const CredentialContext& context);

// Reads {"AccessKeyId": ..., "SecretAccessKey": ..., `token_field`: ..., "Expiration": ...}.
// kInvalid when it is anything else; the message repeats nothing of it.
Result<Credentials> parse_credentials_json(std::string_view text, const char* token_field);

}  // namespace augurfs
