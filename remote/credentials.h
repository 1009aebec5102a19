#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "remote/http_client.h"
#include "remote/result.h"

namespace augurfs {

struct Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty for long-lived keys
  std::optional<std::chrono::system_clock::time_point> expires;
};

struct CredentialOptions {
  std::string profile;     // empty: AWS_PROFILE, then "default"
  bool anonymous = false;  // no signature at all
  // The process's environment and clock; tests pass their own.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
};

// The AWS chain: environment, web identity, the profile of the shared files (keys,
// credential_process or a role to assume), ECS container, IMDSv2. A configured profile leaves the
// first two out. The first source that has credentials is kept to and asked again before they
// expire; one that is configured but fails ends the search, since another's credentials would be
// somebody else's. Thread rule: any thread; one refresh at a time, and while the old credentials
// are still good nobody waits for it.
class CredentialChain {
 public:
  // `http` is borrowed and outlives the chain.
  CredentialChain(CredentialOptions options, HttpClient& http);
  CredentialChain(const CredentialChain&) = delete;
  CredentialChain& operator=(const CredentialChain&) = delete;
  ~CredentialChain();

  // nullopt when anonymous. kDenied naming every source tried, and what each said, when none has
  // credentials; kUnavailable or kTimeout when a source that has them cannot be reached just now.
  Result<std::optional<Credentials>> get(std::stop_token stop);

  // Drops what is kept, so that the next get() asks the sources again. For a caller whom the
  // server told that the token has expired.
  void refresh();

  // Where the current credentials came from, for messages: "environment", "profile 'x' in
  // ~/.aws/credentials", ... Never a secret.
  std::string source() const;

  // The region that the environment or the profile names; "" when neither does.
  std::string region() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
