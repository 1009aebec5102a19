#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "remote/object_store.h"
#include "remote/result.h"

namespace augurfs {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // already percent-encoded; sent as it stands
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // For the whole exchange, waiting for a connection included; zero: only the client's limits.
  std::chrono::milliseconds timeout{0};
  // Each byte received lengthens the timeout by its share of a second; zero: none does.
  std::uint64_t bytes_per_second_min = 0;
  bool past_proxies = false;  // straight to the host, whatever the environment says of proxies
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;  // what did not go to a sink, at most kBodyBytesMax

  // The first header of that (lower-case) name, or "".
  std::string_view header(std::string_view name) const;
};

struct HttpOptions {
  std::string ca_bundle;
  std::string client_certificate;
  std::string client_key;
  int max_connections = 32;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{10'000};  // no byte either way for this long
};

// Asked once the headers of a response are there: true sends the body to the sink, false collects
// it in HttpResponse::body (what one wants of an error page).
using WantsBody = std::function<bool(const HttpResponse& headers_only)>;

// HTTP/1.1 over libcurl: one thread (HttpReactor) owns curl_multi and one warm pool of connections.
// One attempt per call; what is worth another attempt is the caller's to know. Thread rule: any
// thread; calls block, and a sink runs on the caller's thread, behind a bounded buffer that pauses
// the transfer. At most max_connections calls are under way, each with 2 MiB of buffers that are
// given back when the client falls idle; further calls wait their turn.
// Errors: kTimeout, kUnavailable (cannot resolve, refused, reset, TLS failure, body shorter than
// promised), kCorrupt (more than kBodyBytesMax without a sink), kCancelled; the message names host
// and cause. On an error the sink has seen what had arrived. A status >= 400 is a response, not an
// error. Redirects are not followed.
class HttpClient {
 public:
  // A LIST page is about 500 KiB.
  static constexpr std::size_t kBodyBytesMax = std::size_t{16} * 1024 * 1024;

  // kInvalid when a file of `options` cannot be read.
  static Result<std::unique_ptr<HttpClient>> open(const HttpOptions& options);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop);
  Result<HttpResponse> send(const HttpRequest& request, const WantsBody& wants_body,
                            const ByteSink& sink, std::stop_token stop);

  std::uint64_t requests() const;        // sent since open
  std::uint64_t bytes_received() const;  // body bytes since open

 private:
  struct Parts;
  explicit HttpClient(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
