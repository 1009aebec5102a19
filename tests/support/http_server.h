#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "remote/guarded.h"

namespace augurfs {

struct ServedRequest {
  std::string method;
  std::string target;                                        // as it came: encoded, with its query
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;

  std::string header(const std::string& name) const;  // "" when there is none
};

// What a server does with one request, sense or nonsense.
struct Reply {
  enum class End { kKeepAlive, kClose, kReset, kStall };
  static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<std::uint64_t> content_length;  // unset: what `body` has
  bool has_length = true;                       // false: the end of the connection ends the body
  std::size_t body_bytes_sent = kAll;           // of `body`, before `end`
  bool is_silent = false;                       // no head either: straight to `end`
  End end = End::kKeepAlive;

  void set_header(const std::string& name, const std::string& value);  // adds or replaces
};

// PEM texts of a self-signed certificate for 127.0.0.1 and localhost, made anew for each test.
struct TestCertificate {
  TestCertificate();
  std::string certificate;
  std::string key;
};

struct TestTls {
  TestCertificate certificate;
  bool wants_client = false;  // with a certificate signed by this same one
};

// An HTTP/1.1 server on a free port of loopback, as faulty as a test wants it. Thread rule: the
// handler is called from a thread for each connection. Outlives no call of its handler.
class HttpServer {
 public:
  using Handler = std::function<Reply(const ServedRequest&)>;

  explicit HttpServer(Handler handler, std::optional<TestTls> tls = std::nullopt);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  std::string url() const;  // "http://127.0.0.1:port", or https
  std::uint16_t port() const { return port_; }
  std::vector<ServedRequest> requests() const { return *requests_.lock(); }
  std::size_t connections() const { return connections_; }

  // Waits until so many requests have come.
  void wait_for_requests(std::size_t count) const;

 private:
  class Connection;

  void accept_all();
  void serve(int fd);
  bool answer(Connection& connection, const ServedRequest& request, const Reply& reply);
  void stall();

  const Handler handler_;
  const std::shared_ptr<void> tls_;  // SSL_CTX, or null
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_{0};
  std::atomic<bool> stopping_{false};
  Guarded<std::vector<ServedRequest>> requests_;
  mutable std::condition_variable_any changed_;  // of requests_ and stopping_
  Guarded<std::vector<int>> open_fds_;
  std::vector<std::jthread> threads_;  // of connections; the accepting thread's until it ended
  std::jthread acceptor_;
};

}  // namespace augurfs
