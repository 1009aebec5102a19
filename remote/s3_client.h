#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "remote/credentials.h"
#include "remote/guarded.h"
#include "remote/http_client.h"
#include "remote/open_store.h"
#include "remote/result.h"
#include "remote/retry.h"
#include "remote/s3_address.h"
#include "remote/s3_xml.h"
#include "remote/sigv4.h"

namespace augurfs {

// A variable of this process's environment.
std::optional<std::string> process_variable(const std::string& name);

// What an S3 store sees of the process it runs in; tests pass their own.
struct S3Surroundings {
  std::function<std::optional<std::string>(const std::string& name)> environment = process_variable;
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
  RetryClock retry_clock;
};

struct S3Request {
  std::string method = "GET";
  std::string key;  // "": the bucket itself
  S3Query query;
  std::vector<std::pair<std::string, std::string>> headers;
};

struct S3Failure {
  Error error;
  bool is_transient = false;
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

// One operation, which may take several attempts.
struct S3Operation {
  // Asked before each attempt: after a broken one a get wants only the rest, and nullopt when
  // nothing is left.
  std::function<std::optional<S3Request>()> request;
  // As of HttpClient::send(), for each attempt anew.
  WantsBody wants_body = [](const HttpResponse&) { return false; };
  ByteSink sink = [](std::span<const std::byte>) { return false; };
  // After an answer with a status below 300, whole or cut off by the sink: why it is not what was
  // asked for; nullopt when it is.
  std::function<std::optional<S3Failure>()> check = [] { return std::nullopt; };
  bool in_haste = false;                         // as ListRequest::in_haste
  ErrorCode missing_key = ErrorCode::kNotFound;  // of what is not there
};

// Signed requests about one bucket, insisted upon: what is transient is retried, and what the
// server says about region, clock and token is put right, each once an operation. Thread rule: any
// thread.
class S3Client {
 public:
  static Result<std::unique_ptr<S3Client>> open(const StoreUrl& url, const StoreOptions& options,
                                                S3Surroundings surroundings);
  S3Client(const S3Client&) = delete;
  S3Client& operator=(const S3Client&) = delete;

  // The answer, or an error that names what it was about.
  Result<HttpResponse> perform(const S3Operation& operation, std::stop_token stop);

  // "s3://bucket/key", for messages.
  std::string name_of(const std::string& key) const;
  std::string identity() const { return address_.identity(); }
  StoreStats stats() const;

 private:
  struct Attempt;
  struct Repairs;
  struct Verdict;

  S3Client(const StoreUrl& url, const StoreOptions& options, S3Surroundings surroundings,
           S3Address address, std::unique_ptr<HttpClient> http);

  Result<HttpResponse> insist(const S3Operation& operation, const std::stop_token& stop);
  Attempt attempt(const S3Operation& operation, S3Request asked, const Retry& retry,
                  const std::stop_token& stop);
  bool repair(const Attempt& attempt, Repairs& repairs);
  bool repair_region(const Attempt& attempt);
  bool repair_clock(const Attempt& attempt);
  bool repair_credentials(const Attempt& attempt);
  std::optional<S3Failure> fault_of(const Attempt& attempt, const S3Operation& operation) const;
  S3Failure explain(const Attempt& attempt, ErrorCode missing_key) const;
  Verdict classify(const Attempt& attempt, ErrorCode missing_key) const;
  std::optional<Verdict> classify_denied(const Attempt& attempt) const;

  const std::string bucket_;
  const StoreOptions options_;
  const S3Surroundings surroundings_;
  const S3Address address_;
  const std::unique_ptr<HttpClient> http_;
  const SigV4Signer signer_;
  CredentialChain credentials_;

  Guarded<std::string> region_;
  std::atomic<std::int64_t> clock_offset_s_{0};  // what the server's clock is ahead of ours
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> retries_{0};
  std::atomic<std::uint64_t> errors_{0};
  std::atomic<std::uint64_t> bytes_received_{0};
};

}  // namespace augurfs
