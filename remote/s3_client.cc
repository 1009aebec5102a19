#include "remote/s3_client.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "remote/dates.h"

namespace augurfs {
namespace {

using std::chrono::milliseconds;
using std::chrono::sys_seconds;

constexpr const char* kDefaultRegion = "us-east-1";
// For who is in haste: a fault that passes at once is ridden out, another is told.
constexpr int kHastyAttemptsMax = 2;
constexpr milliseconds kHastyDeadline{20'000};
// A transfer slower than this is as good as none. What arrives moves the deadline by the time it
// takes at this speed, so that a large get on a slow line ends and a server that sends nothing is
// given no minute more.
constexpr std::uint64_t kBytesPerSecondMin = 64UL * 1024;
// What S3 tolerates between its clock and that of a request.
constexpr std::int64_t kClockToleranceS = 900;
constexpr std::size_t kServerTextBytesMax = 300;

HttpOptions http_options(const StoreOptions& options) {
  HttpOptions http;
  http.ca_bundle = options.ca_bundle;
  http.client_certificate = options.client_certificate;
  http.client_key = options.client_key;
  http.max_connections = options.max_connections;
  http.connect_timeout = options.connect_timeout;
  http.stall_timeout = options.stall_timeout;
  return http;
}

CredentialOptions credential_options(const StoreOptions& options,
                                     const S3Surroundings& surroundings) {
  CredentialOptions credentials;
  credentials.profile = options.profile;
  credentials.anonymous = options.anonymous;
  credentials.environment = surroundings.environment;
  credentials.now = surroundings.now;
  return credentials;
}

milliseconds earned_by(std::uint64_t bytes) {
  return milliseconds(bytes * 1000 / kBytesPerSecondMin);
}

bool is_transient_code(std::string_view code) {
  return code == "RequestTimeout" || code == "SlowDown" || code == "InternalError";
}

// Whether the server will not have such a key, and so has no such object. It does not say why in
// the answer to a HEAD.
bool is_bad_key(const std::string& key, int status, std::string_view code) {
  constexpr std::size_t kKeyBytesMax = 1024;
  return code == "KeyTooLongError" || code == "InvalidObjectName" ||
         (status == 400 && code.empty() && key.size() > kKeyBytesMax);
}

bool is_expiry(std::string_view code) {
  return code == "ExpiredToken" || code == "TokenRefreshRequired" || code == "InvalidToken";
}

std::string status_text(int status, const S3Error& said) {
  std::string text = "HTTP " + std::to_string(status);
  if (!said.code.empty()) text += " " + said.code;
  if (!said.message.empty()) text += ": " + said.message.substr(0, kServerTextBytesMax);
  return text;
}

}  // namespace

std::optional<std::string> process_variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// What was sent and what came back.
struct S3Client::Attempt {
  std::string key;
  std::string region;
  sys_seconds local_time;           // as the machine has it
  std::int64_t clock_offset_s = 0;  // what was added to it
  std::optional<Credentials> credentials;
  std::uint64_t bytes_taken = 0;  // by the sink
  Result<HttpResponse> answer = Error{};
  S3Error said;  // by an answer that is an error

  std::optional<sys_seconds> server_time() const {
    return answer ? parse_http_date(answer->header("date")) : std::nullopt;
  }
};

// What an answer means to a person.
struct S3Client::Verdict {
  ErrorCode code;
  std::string what;
  std::string advice = "";
};

struct S3Client::Repairs {
  bool region = false;
  bool clock = false;
  bool credentials = false;
};

Result<std::unique_ptr<S3Client>> S3Client::open(const StoreUrl& url, const StoreOptions& options,
                                                 S3Surroundings surroundings) {
  Result<S3Address> address = S3Address::open(url.bucket, options);
  if (!address) return address.error();
  Result<std::unique_ptr<HttpClient>> http = HttpClient::open(http_options(options));
  if (!http) return http.error();
  return std::unique_ptr<S3Client>(
      new S3Client(url, options, std::move(surroundings), std::move(*address), std::move(*http)));
}

S3Client::S3Client(const StoreUrl& url, const StoreOptions& options, S3Surroundings surroundings,
                   S3Address address, std::unique_ptr<HttpClient> http)
    : bucket_(url.bucket),
      options_(options),
      surroundings_(std::move(surroundings)),
      address_(std::move(address)),
      http_(std::move(http)),
      credentials_(credential_options(options, surroundings_), *http_) {
  std::string region = options.region.empty() ? credentials_.region() : options.region;
  *region_.lock() = region.empty() ? kDefaultRegion : region;
}

std::string S3Client::name_of(const std::string& key) const {
  return "s3://" + bucket_ + (key.empty() ? "" : "/" + key);
}

StoreStats S3Client::stats() const {
  return {requests_.load(), retries_.load(), errors_.load(), bytes_received_.load()};
}

Result<HttpResponse> S3Client::perform(const S3Operation& operation, std::stop_token stop) {
  Result<HttpResponse> result = insist(operation, stop);
  if (!result && result.error().code != ErrorCode::kNotFound &&
      result.error().code != ErrorCode::kCancelled) {
    ++errors_;
  }
  return result;
}

Result<HttpResponse> S3Client::insist(const S3Operation& operation, const std::stop_token& stop) {
  Retry retry(operation.in_haste ? std::min(options_.deadline, kHastyDeadline) : options_.deadline,
              surroundings_.retry_clock);
  const int attempts_max = operation.in_haste ? std::min(options_.max_attempts, kHastyAttemptsMax)
                                              : options_.max_attempts;
  Repairs repairs;
  for (;;) {
    std::optional<S3Request> asked = operation.request();
    if (!asked) return HttpResponse{};
    Attempt tried = attempt(operation, std::move(*asked), retry, stop);
    if (stop.stop_requested()) {
      return Error{ErrorCode::kCancelled, name_of(tried.key) + ": cancelled"};
    }
    std::optional<S3Failure> failure = fault_of(tried, operation);
    if (!failure) return std::move(tried.answer);
    if (repair(tried, repairs)) continue;
    if (tried.bytes_taken > 0) retry.progressed(earned_by(tried.bytes_taken));
    if (!failure->is_transient) return failure->error;
    spdlog::debug("remote.failed key={:?} attempt={} error={:?}", tried.key, retry.attempts() + 1,
                  failure->error.message);
    if (!retry.wait(attempts_max, failure->retry_after, stop)) {
      if (stop.stop_requested()) {
        return Error{ErrorCode::kCancelled, name_of(tried.key) + ": cancelled"};
      }
      Error error = std::move(failure->error);
      error.message += " (gave up after " + std::to_string(retry.attempts()) + " attempt" +
                       (retry.attempts() == 1 ? "" : "s") + " in " +
                       std::to_string(retry.elapsed().count() / 1000) + " s)";
      return error;
    }
    ++retries_;
  }
}

S3Client::Attempt S3Client::attempt(const S3Operation& operation, S3Request asked,
                                    const Retry& retry, const std::stop_token& stop) {
  Attempt tried;
  tried.key = asked.key;
  tried.region = *region_.lock();
  Result<std::optional<Credentials>> credentials = credentials_.get(stop);
  if (!credentials) {
    tried.answer = credentials.error();
    return tried;
  }
  tried.credentials = std::move(*credentials);
  HttpRequest request{asked.method,
                      address_.url(tried.region, asked.key, asked.query),
                      std::move(asked.headers),
                      "",
                      std::max(milliseconds{1}, retry.left()),
                      kBytesPerSecondMin};
  if (options_.requester_pays) request.headers.emplace_back("x-amz-request-payer", "requester");
  tried.local_time = std::chrono::floor<std::chrono::seconds>(surroundings_.now());
  tried.clock_offset_s = clock_offset_s_;
  if (tried.credentials) {
    signer_.sign(request, *tried.credentials, tried.region,
                 tried.local_time + std::chrono::seconds(tried.clock_offset_s));
  }
  ++requests_;
  tried.answer = http_->send(
      request, operation.wants_body,
      [&](std::span<const std::byte> bytes) {
        bytes_received_ += bytes.size();
        const bool taken = operation.sink(bytes);
        if (taken) tried.bytes_taken += bytes.size();
        return taken;
      },
      stop);
  if (tried.answer) {
    bytes_received_ += tried.answer->body.size();
    if (tried.answer->status >= 300) tried.said = parse_s3_error(tried.answer->body);
    if (const auto id = tried.answer->header("x-amz-request-id"); !id.empty()) {
      tried.said.request_id = id;
    }
  }
  return tried;
}

// True when something was put right, so that the same request may now succeed.
bool S3Client::repair(const Attempt& attempt, Repairs& repairs) {
  if (!attempt.answer || attempt.answer->status < 300 || attempt.answer->status >= 500) {
    return false;
  }
  if (!repairs.region && repair_region(attempt)) return repairs.region = true;
  if (!repairs.clock && repair_clock(attempt)) return repairs.clock = true;
  if (!repairs.credentials && repair_credentials(attempt)) return repairs.credentials = true;
  return false;
}

bool S3Client::repair_region(const Attempt& attempt) {
  std::string region(attempt.answer->header("x-amz-bucket-region"));
  if (region.empty()) region = attempt.said.region;
  if (region.empty() || region == attempt.region) return false;
  spdlog::warn("remote.region_adopted bucket={} region={} configured={}", bucket_, region,
               attempt.region);
  *region_.lock() = std::move(region);
  return true;
}

bool S3Client::repair_clock(const Attempt& attempt) {
  const std::optional<sys_seconds> server = attempt.server_time();
  if (!server || !attempt.credentials) return false;
  const std::int64_t offset_s = (*server - attempt.local_time).count();
  const bool is_skewed = std::abs(offset_s - attempt.clock_offset_s) > kClockToleranceS;
  // The answer to a HEAD has no body that could give the reason.
  const bool may_be_reason = attempt.said.code.empty() && attempt.answer->status == 403;
  if (attempt.said.code != "RequestTimeTooSkewed" && !(may_be_reason && is_skewed)) return false;
  spdlog::warn("remote.clock_corrected bucket={} seconds={}", bucket_, offset_s);
  clock_offset_s_ = offset_s;
  return true;
}

bool S3Client::repair_credentials(const Attempt& attempt) {
  if (!attempt.credentials) return false;
  const bool has_expired =
      attempt.credentials->expires && *attempt.credentials->expires <= surroundings_.now();
  const int status = attempt.answer->status;
  const bool may_be_reason = attempt.said.code.empty() && (status == 400 || status == 403) &&
                             !attempt.credentials->session_token.empty();
  // Keys that were good once may have been rotated, and the new ones lie where they came from.
  const bool may_be_rotated =
      attempt.said.code == "InvalidAccessKeyId" || attempt.said.code == "SignatureDoesNotMatch";
  if (!is_expiry(attempt.said.code) && !(status == 403 && has_expired) && !may_be_reason &&
      !may_be_rotated) {
    return false;
  }
  spdlog::info("remote.credentials_refreshed bucket={} code={}", bucket_, attempt.said.code);
  credentials_.refresh();
  return true;
}

std::optional<S3Failure> S3Client::fault_of(const Attempt& attempt,
                                            const S3Operation& operation) const {
  const bool is_good = attempt.answer && attempt.answer->status < 300;
  const bool is_cut_off = !attempt.answer && attempt.answer.error().code == ErrorCode::kCancelled;
  if (is_good || is_cut_off) {
    std::optional<S3Failure> failure = operation.check();
    if (failure) failure->error = failure->error.in(name_of(attempt.key));
    if (failure || is_good) return failure;
  }
  return explain(attempt, operation.missing_key);
}

S3Failure S3Client::explain(const Attempt& attempt, ErrorCode missing_key) const {
  if (!attempt.answer) {
    const Error& error = attempt.answer.error();
    const bool may_pass =
        error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
    return {error.in(name_of(attempt.key)), may_pass};
  }
  const HttpResponse& answer = *attempt.answer;
  const Verdict verdict = classify(attempt, missing_key);
  std::string message = name_of(attempt.key) + ": " + verdict.what + ": ";
  message += status_text(answer.status, attempt.said);
  std::string details;
  if (!attempt.said.request_id.empty()) details = "request id " + attempt.said.request_id;
  if (verdict.code == ErrorCode::kDenied) {
    if (!details.empty()) details += "; ";
    details += attempt.credentials ? "credentials from " + credentials_.source() : "anonymous";
  }
  if (!details.empty()) message += " (" + details + ")";
  if (!verdict.advice.empty()) message += "; " + verdict.advice;
  return {{verdict.code, std::move(message)},
          is_transient(answer.status) || is_transient_code(attempt.said.code),
          parse_retry_after(answer.header("retry-after"), surroundings_.now())};
}

S3Client::Verdict S3Client::classify(const Attempt& attempt, ErrorCode missing_key) const {
  const int status = attempt.answer->status;
  const std::string& code = attempt.said.code;
  if (code == "NoSuchBucket") {
    return {missing_key, "the bucket does not exist", "check its name, and remote.endpoint"};
  }
  // A request about the bucket is a GET, and S3 names its reason in the answer to that.
  if (attempt.key.empty() && code.empty() && (status == 404 || status == 405)) {
    return {ErrorCode::kInvalid, "what answers does not look like S3", "check remote.endpoint"};
  }
  if (status == 404 || is_bad_key(attempt.key, status, code)) {
    const bool had_it = missing_key == ErrorCode::kStale;
    return {missing_key, had_it ? "the object has been deleted" : "there is no such object"};
  }
  if (status == 412) return {ErrorCode::kStale, "the object has been replaced"};
  if (is_transient(status) || is_transient_code(code)) {
    return {ErrorCode::kUnavailable, "the server is overloaded or failing"};
  }
  if (code == "InvalidObjectState") {
    return {ErrorCode::kDenied, "the object is archived", "restore it first"};
  }
  if (auto denied = classify_denied(attempt)) return *denied;
  std::string region(attempt.answer->header("x-amz-bucket-region"));
  if (region.empty()) region = attempt.said.region;
  if (!region.empty() && region != attempt.region) {
    return {ErrorCode::kInvalid,
            "the bucket is in the region " + region + ", not " + attempt.region,
            "set remote.region"};
  }
  if (status == 401 || status == 403) {
    return {ErrorCode::kDenied, "access denied",
            attempt.credentials ? "these credentials need s3:ListBucket and s3:GetObject here"
                                : "only with credentials: leave out remote.anonymous"};
  }
  if (status < 400) {
    const std::string_view location = attempt.answer->header("location");
    return {ErrorCode::kInvalid,
            "the server points elsewhere, is remote.endpoint right?" +
                (location.empty() ? std::string() : " Location " + std::string(location))};
  }
  return {status >= 500 ? ErrorCode::kUnavailable : ErrorCode::kInvalid,
          "the server does not take the request"};
}

// What the server says about clock and credentials, by its code.
std::optional<S3Client::Verdict> S3Client::classify_denied(const Attempt& attempt) const {
  const std::string& code = attempt.said.code;
  if (code == "RequestTimeTooSkewed") {
    const auto server = attempt.server_time();
    return Verdict{ErrorCode::kDenied,
                   "the clocks differ too much: this machine's says " +
                       to_readable_date(attempt.local_time) +
                       (server ? ", the server's " + to_readable_date(*server) : ""),
                   "set the one that is wrong"};
  }
  if (is_expiry(code)) {
    return Verdict{ErrorCode::kDenied, "the credentials have expired", "get new ones"};
  }
  if (code == "InvalidAccessKeyId") {
    return Verdict{ErrorCode::kDenied, "the access key is unknown",
                   "is it one of this server (remote.endpoint)?"};
  }
  if (code == "SignatureDoesNotMatch") {
    return Verdict{ErrorCode::kDenied, "the secret key does not fit the access key",
                   "correct it where it came from"};
  }
  return std::nullopt;
}

}  // namespace augurfs
