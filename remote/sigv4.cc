#include "remote/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "remote/dates.h"

namespace augurfs {
namespace {

using Digest = std::array<unsigned char, 32>;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";

Digest hmac(std::span<const unsigned char> key, std::string_view message) {
  Digest digest{};
  unsigned int size = digest.size();
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
           &size) == nullptr) {
    throw std::bad_alloc();  // HMAC over SHA-256 fails for no other reason
  }
  return digest;
}

std::string hex(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

struct UrlParts {
  std::string_view host;  // with its port
  std::string_view path;  // at least "/"
  std::string_view query;
};

UrlParts split(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  UrlParts parts;
  parts.host = url.substr(0, url.find_first_of("/?"));
  url.remove_prefix(parts.host.size());
  const std::size_t question = url.find('?');
  parts.path = url.substr(0, question);
  if (parts.path.empty()) parts.path = "/";
  if (question != std::string_view::npos) parts.query = url.substr(question + 1);
  return parts;
}

// Sorted by name, then by value; a name alone has an empty value.
std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string_view, std::string_view>> parameters;
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    const std::size_t equals = parameter.find('=');
    parameters.emplace_back(parameter.substr(0, equals), equals == std::string_view::npos
                                                             ? std::string_view()
                                                             : parameter.substr(equals + 1));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string text;
  for (const auto& [name, value] : parameters) {
    if (!text.empty()) text += '&';
    text.append(name).append("=").append(value);
  }
  return text;
}

// Without spaces at the ends, and with one in place of several.
std::string squeezed(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c != ' ' || (!text.empty() && text.back() != ' ')) text += c;
  }
  if (text.ends_with(' ')) text.pop_back();
  return text;
}

std::map<std::string, std::string> canonical_headers(const HttpRequest& request,
                                                     std::string_view host) {
  std::map<std::string, std::string> headers{{"host", std::string(host)}};
  for (const auto& [name, value] : request.headers) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto [known, is_new] = headers.emplace(lower, squeezed(value));
    if (!is_new) known->second += "," + squeezed(value);
  }
  return headers;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  Digest digest{};
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc();  // SHA-256 fails for no other reason
  }
  return hex(digest);
}

void SigV4Signer::sign(HttpRequest& request, const Credentials& credentials,
                       const std::string& region, std::chrono::sys_seconds now) const {
  static const std::string empty_hash = sha256_hex("");
  const std::string date = to_basic_date(now);
  const std::string payload_hash = request.body.empty() ? empty_hash : sha256_hex(request.body);
  request.headers.emplace_back("x-amz-date", date);
  request.headers.emplace_back("x-amz-content-sha256", payload_hash);
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  request.headers.emplace_back("authorization",
                               authorization(request, credentials, region, date, payload_hash));
}

std::string SigV4Signer::authorization(const HttpRequest& request, const Credentials& credentials,
                                       const std::string& region, const std::string& date,
                                       const std::string& payload_hash) const {
  const UrlParts url = split(request.url);
  std::string canonical = request.method + "\n";
  canonical.append(url.path).append("\n").append(canonical_query(url.query)).append("\n");
  std::string names;
  for (const auto& [name, value] : canonical_headers(request, url.host)) {
    canonical.append(name).append(":").append(value).append("\n");
    names.append(names.empty() ? "" : ";").append(name);
  }
  canonical.append("\n").append(names).append("\n").append(payload_hash);

  const std::string day = date.substr(0, 8);
  const std::string scope = day + "/" + region + "/" + service_ + "/" + std::string(kTerminator);
  std::string to_sign(kAlgorithm);
  to_sign.append("\n").append(date).append("\n").append(scope).append("\n");
  to_sign += sha256_hex(canonical);

  const Digest key = signing_key(credentials.secret_key, day, region);
  std::string value(kAlgorithm);
  value.append(" Credential=").append(credentials.access_key).append("/").append(scope);
  value.append(", SignedHeaders=").append(names);
  value.append(", Signature=").append(hex(hmac(key, to_sign)));
  return value;
}

SigV4Signer::Digest SigV4Signer::signing_key(const std::string& secret, const std::string& day,
                                             const std::string& region) const {
  auto known = key_.lock();
  if (known->secret != secret || known->day != day || known->region != region) {
    const std::string first = "AWS4" + secret;
    Digest key = hmac({reinterpret_cast<const unsigned char*>(first.data()), first.size()}, day);
    for (const std::string_view step :
         {std::string_view(region), std::string_view(service_), kTerminator}) {
      key = hmac(key, step);
    }
    *known = SigningKey{secret, day, region, key};
  }
  return known->key;
}

}  // namespace augurfs
