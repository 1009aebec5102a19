#pragma once

#include <stop_token>
#include <string>

#include "remote/credential_sources.h"

namespace augurfs {

// A role to take on for a while, and how.
struct RoleRequest {
  std::string role_arn;
  std::string session_name;      // shows up in the account's logs; empty: "augurfs"
  std::string external_id;       // what the role's owner agreed with us; mostly empty
  std::string duration_seconds;  // empty: an hour
};

// Both ask AWS's Security Token Service, or the one AWS_ENDPOINT_URL_STS names. kDenied with the
// service's own words when it refuses.
Result<Credentials> assume_role(const CredentialContext& context, const RoleRequest& role,
                                const Credentials& as, std::stop_token stop);
// With a token that stands in a file, which is read anew each time: it is changed every hour.
Result<Credentials> assume_role_with_web_identity(const CredentialContext& context,
                                                  const RoleRequest& role,
                                                  const std::string& token_file,
                                                  std::stop_token stop);

}  // namespace augurfs
