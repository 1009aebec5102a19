#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <utility>

#include "remote/credential_sources.h"
#include "remote/small_file.h"

namespace augurfs {
namespace {

// Instance metadata answers within milliseconds where it exists. Elsewhere, as on a laptop, nothing
// may answer at all, and nobody should be kept waiting for that. What somebody configured exists.
constexpr std::chrono::milliseconds kGuessTimeout{1000};
constexpr std::chrono::milliseconds kConfiguredTimeout{10'000};

constexpr std::string_view kContainerHost = "http://169.254.170.2";
constexpr std::string_view kInstanceHost = "http://169.254.169.254";

bool is_header_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

std::string status_of(const HttpResponse& response) {
  return "HTTP " + std::to_string(response.status);
}

// Addresses that never leave the machine: loopback and the ones that ECS and EKS agents have.
bool is_local(std::string_view url) {
  std::string_view host = url.substr(url.find("://") + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (host.find('@') != std::string_view::npos) return false;
  if (host.starts_with('[')) {
    host = host.substr(0, host.find(']') + 1);
    return host == "[::1]" || host == "[fd00:ec2::23]";
  }
  host = host.substr(0, host.find(':'));
  if (host == "localhost" || host == "169.254.170.2" || host == "169.254.170.23") return true;
  const bool numeric = std::all_of(
      host.begin(), host.end(), [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; });
  return numeric && host.starts_with("127.");
}

// The value of the Authorization header; "" for none.
Result<std::string> container_token(const CredentialContext& context) {
  std::string token = context.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  const std::string file = context.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!file.empty()) {
    auto text = read_small_file(file);
    if (!text) return text.error();
    if (!*text) return Error{ErrorCode::kDenied, "there is no token file " + file};
    token = std::move(**text);
    while (!token.empty() && token.back() == '\n') token.pop_back();
  }
  if (!std::all_of(token.begin(), token.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    return Error{ErrorCode::kDenied, "the authorization token has more than one line of text"};
  }
  return token;
}

// One request to the instance's metadata service.
class InstanceMetadata {
 public:
  InstanceMetadata(const CredentialContext& context, std::stop_token stop)
      : http_(context.http),
        endpoint_(context.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")),
        stop_(std::move(stop)) {
    if (endpoint_.empty()) {
      endpoint_ = kInstanceHost;
      timeout_ = kGuessTimeout;
    }
    while (endpoint_.ends_with('/')) endpoint_.pop_back();
  }

  const std::string& endpoint() const { return endpoint_; }

  Result<HttpResponse> token() {
    return send("PUT", "/latest/api/token", {"x-aws-ec2-metadata-token-ttl-seconds", "21600"});
  }
  Result<HttpResponse> get(const std::string& path, const std::string& token) {
    return send("GET", "/latest/meta-data/iam/security-credentials/" + path,
                {"x-aws-ec2-metadata-token", token});
  }

 private:
  Result<HttpResponse> send(const char* method, const std::string& path,
                            std::pair<std::string, std::string> header) {
    HttpRequest request;
    request.method = method;
    request.url = endpoint_ + path;
    request.headers.push_back(std::move(header));
    request.timeout = timeout_;
    request.past_proxies = true;  // another machine would answer for itself, or leak the token
    return http_.send(request, stop_);
  }

  HttpClient& http_;
  std::string endpoint_;
  std::chrono::milliseconds timeout_ = kConfiguredTimeout;
  const std::stop_token stop_;
};

SourceAnswer none(std::string why) { return {std::nullopt, std::move(why)}; }

// Nobody there is an answer; being asked to stop is not.
Result<SourceAnswer> unreachable(const Error& error) {
  if (error.code == ErrorCode::kCancelled) return error;
  return none(error.message);
}

}  // namespace

Result<std::string> container_url(const CredentialContext& context) {
  if (const auto path = context.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !path.empty()) {
    if (!path.starts_with('/') || !is_header_value(path)) {
      return Error{ErrorCode::kInvalid,
                   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'"};
    }
    return std::string(kContainerHost) + path;
  }
  std::string url = context.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (url.empty() || url.starts_with("https://")) return url;
  if (url.starts_with("http://") && is_local(url)) return url;
  return Error{
      ErrorCode::kInvalid,
      "AWS_CONTAINER_CREDENTIALS_FULL_URI would send credentials in the clear: it has to be "
      "https://, or http:// to this machine"};
}

Result<SourceAnswer> container_credentials(const CredentialContext& context, std::stop_token stop) {
  HttpRequest request;
  auto url = container_url(context);
  if (!url) return url.error();
  if (url->empty()) {
    return none("neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set");
  }
  const auto token = container_token(context);
  if (!token) return token.error();
  if (!token->empty()) request.headers.emplace_back("authorization", *token);
  request.url = *url;
  request.timeout = kConfiguredTimeout;
  request.past_proxies = true;
  const auto response = context.http.send(request, std::move(stop));
  if (!response) return response.error();
  if (response->status != 200) {
    const bool passes = response->status >= 500 || response->status == 429;
    return Error{passes ? ErrorCode::kUnavailable : ErrorCode::kDenied,
                 *url + " answered " + status_of(*response)};
  }
  auto credentials = parse_credentials_json(response->body, "Token");
  if (!credentials) return credentials.error().in(*url);
  return SourceAnswer{std::move(*credentials), "the container's role"};
}

Result<SourceAnswer> instance_credentials(const CredentialContext& context, std::stop_token stop) {
  std::string disabled = context.variable("AWS_EC2_METADATA_DISABLED");
  std::transform(disabled.begin(), disabled.end(), disabled.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (disabled == "true") return none("AWS_EC2_METADATA_DISABLED is set");

  InstanceMetadata metadata(context, std::move(stop));
  const auto token = metadata.token();
  if (!token) return unreachable(token.error());
  if (token->status != 200 || !is_header_value(token->body)) {
    return none(metadata.endpoint() + " gave no token: " + status_of(*token));
  }
  const auto roles = metadata.get("", token->body);
  if (!roles) return unreachable(roles.error());
  if (roles->status == 404) return none("this instance has no role");
  const std::string role = roles->body.substr(0, roles->body.find_first_of("\r\n"));
  if (roles->status != 200 || role.empty() || !is_header_value(role)) {
    return none(metadata.endpoint() + " named no role: " + status_of(*roles));
  }
  const auto response = metadata.get(role, token->body);
  if (!response) return response.error();
  if (response->status != 200) {
    return Error{ErrorCode::kUnavailable,
                 "the credentials of the instance's role '" + role + "': " + status_of(*response)};
  }
  auto credentials = parse_credentials_json(response->body, "Token");
  if (!credentials) return credentials.error().in("the instance's role '" + role + "'");
  return SourceAnswer{std::move(*credentials), "the instance's role '" + role + "'"};
}

}  // namespace augurfs
