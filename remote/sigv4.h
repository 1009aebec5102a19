#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "remote/credentials.h"
#include "remote/guarded.h"
#include "remote/http_client.h"

namespace augurfs {

// AWS Signature Version 4 in the Authorization header. The key that is derived from secret, day
// and region is kept, so that a signature costs two hashes. Thread rule: any thread.
class SigV4Signer {
 public:
  explicit SigV4Signer(std::string service = "s3") : service_(std::move(service)) {}

  // Adds what S3 wants: x-amz-date, x-amz-content-sha256, x-amz-security-token for temporary
  // credentials, and authorization, which covers the host and every header of the request.
  void sign(HttpRequest& request, const Credentials& credentials, const std::string& region,
            std::chrono::sys_seconds now) const;

  // The value of the authorization header for a request that has all its other headers, x-amz-date
  // (`date`, in the basic format) among them. The path of its URL is signed as it stands, as S3
  // wants it: encoded once and not normalised.
  std::string authorization(const HttpRequest& request, const Credentials& credentials,
                            const std::string& region, const std::string& date,
                            const std::string& payload_hash) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct SigningKey {
    std::string secret;
    std::string day;
    std::string region;
    Digest key{};
  };

  Digest signing_key(const std::string& secret, const std::string& day,
                     const std::string& region) const;

  const std::string service_;
  mutable Guarded<SigningKey> key_;
};

// The hash of a body as x-amz-content-sha256 has it.
std::string sha256_hex(std::string_view bytes);

}  // namespace augurfs
