#include "remote/sts.h"

#include <algorithm>
#include <chrono>
#include <pugixml.hpp>
#include <string_view>
#include <utility>

#include "remote/dates.h"
#include "remote/percent_encoding.h"
#include "remote/sigv4.h"
#include "remote/small_file.h"

namespace augurfs {
namespace {

constexpr std::chrono::milliseconds kTimeout{10'000};
constexpr std::size_t kMessageBytesMax = 300;

struct Endpoint {
  std::string url;
  std::string region;  // that a signature is made for
};

Endpoint endpoint(const CredentialContext& context) {
  Endpoint result{context.variable("AWS_ENDPOINT_URL_STS"), context.region()};
  if (result.url.empty() && result.region.empty()) result.url = "https://sts.amazonaws.com";
  if (result.url.empty()) {
    result.url = "https://sts." + result.region + ".amazonaws.com";
    if (result.region.starts_with("cn-")) result.url += ".cn";
  }
  if (result.region.empty()) result.region = "us-east-1";
  while (result.url.ends_with('/')) result.url.pop_back();
  result.url += '/';
  return result;
}

std::string trimmed(std::string text) {
  constexpr auto* kWhitespace = " \t\r\n";
  const std::size_t end = text.find_last_not_of(kWhitespace);
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text.substr(std::min(text.find_first_not_of(kWhitespace), text.size()));
}

HttpRequest request(const std::string& url, const std::string& action, const RoleRequest& role) {
  HttpRequest request;
  request.method = "POST";
  request.url = url;
  request.timeout = kTimeout;
  request.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  request.headers.emplace_back("accept", "application/xml");
  const std::string session = role.session_name.empty() ? "augurfs" : role.session_name;
  request.body = "Action=" + action +
                 "&Version=2011-06-15&RoleArn=" + percent_encode(role.role_arn) +
                 "&RoleSessionName=" + percent_encode(session);
  if (!role.duration_seconds.empty()) {
    request.body += "&DurationSeconds=" + percent_encode(role.duration_seconds);
  }
  return request;
}

Error refusal(const std::string& url, const HttpResponse& response) {
  std::string message = url + " answered HTTP " + std::to_string(response.status);
  pugi::xml_document document;
  if (document.load_buffer(response.body.data(), response.body.size())) {
    const pugi::xml_node error = document.child("ErrorResponse").child("Error");
    const std::string code = error.child_value("Code");
    const std::string text = error.child_value("Message");
    if (!code.empty()) message += " " + code;
    if (!text.empty()) message += ": " + text.substr(0, kMessageBytesMax);
  }
  const bool passes = response.status >= 500 || response.status == 429;
  return {passes ? ErrorCode::kUnavailable : ErrorCode::kDenied, message};
}

Result<Credentials> send(const CredentialContext& context, const HttpRequest& request,
                         const std::string& action, std::stop_token stop) {
  const auto response = context.http.send(request, std::move(stop));
  if (!response) return response.error();
  if (response->status != 200) return refusal(request.url, *response);
  pugi::xml_document document;
  document.load_buffer(response->body.data(), response->body.size());
  const pugi::xml_node node = document.child((action + "Response").c_str())
                                  .child((action + "Result").c_str())
                                  .child("Credentials");
  Credentials credentials;
  credentials.access_key = node.child_value("AccessKeyId");
  credentials.secret_key = node.child_value("SecretAccessKey");
  credentials.session_token = node.child_value("SessionToken");
  const auto expires = parse_iso_date(node.child_value("Expiration"));
  if (credentials.access_key.empty() || credentials.secret_key.empty() ||
      credentials.session_token.empty() || !expires) {
    return Error{ErrorCode::kUnavailable, request.url + " answered with no credentials"};
  }
  credentials.expires = *expires;
  return credentials;
}

}  // namespace

Result<Credentials> assume_role(const CredentialContext& context, const RoleRequest& role,
                                const Credentials& as, std::stop_token stop) {
  const Endpoint sts = endpoint(context);
  HttpRequest wanted = request(sts.url, "AssumeRole", role);
  if (!role.external_id.empty()) {
    wanted.body += "&ExternalId=" + percent_encode(role.external_id);
  }
  const auto now = std::chrono::floor<std::chrono::seconds>(context.options.now());
  SigV4Signer("sts").sign(wanted, as, sts.region, now);
  return send(context, wanted, "AssumeRole", std::move(stop));
}

Result<Credentials> assume_role_with_web_identity(const CredentialContext& context,
                                                  const RoleRequest& role,
                                                  const std::string& token_file,
                                                  std::stop_token stop) {
  auto token = read_small_file(token_file);
  if (!token) return token.error();
  if (!*token) return Error{ErrorCode::kDenied, "there is no token file " + token_file};
  const std::string text = trimmed(std::move(**token));
  if (text.empty()) return Error{ErrorCode::kDenied, "the token file " + token_file + " is empty"};
  HttpRequest wanted = request(endpoint(context).url, "AssumeRoleWithWebIdentity", role);
  wanted.body += "&WebIdentityToken=" + percent_encode(text);
  return send(context, wanted, "AssumeRoleWithWebIdentity", std::move(stop));
}

}  // namespace augurfs
