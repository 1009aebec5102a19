#include "support/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <stdexcept>
#include <string_view>

namespace augurfs {
namespace {

constexpr std::size_t kReadBytes = 16UL * 1024;

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("test server: ") + what);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string pem(const std::function<int(BIO*)>& write) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  check(write(bio.get()) == 1, "cannot write PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::shared_ptr<void> make_context(const TestTls& tls) {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  const auto bio_of = [](const std::string& text) {
    return std::unique_ptr<BIO, decltype(&BIO_free)>(
        BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), BIO_free);
  };
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(bio_of(tls.certificate.certificate).get(), nullptr, nullptr, nullptr),
      X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(bio_of(tls.certificate.key).get(), nullptr, nullptr, nullptr),
      EVP_PKEY_free);
  check(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1, "certificate");
  check(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1, "key");
  if (tls.wants_client) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), certificate.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

std::string head_of(const Reply& reply) {
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " Reason\r\n";
  for (const auto& [name, value] : reply.headers)
    head.append(name).append(": ").append(value).append("\r\n");
  if (reply.has_length) {
    head += "Content-Length: " + std::to_string(reply.content_length.value_or(reply.body.size())) +
            "\r\n";
  }
  return head + "\r\n";
}

}  // namespace

std::string ServedRequest::header(const std::string& name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return value;
  }
  return "";
}

void Reply::set_header(const std::string& name, const std::string& value) {
  std::erase_if(headers, [&](const auto& header) { return lower(header.first) == lower(name); });
  headers.emplace_back(name, value);
}

TestCertificate::TestCertificate() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"),
                                                                 EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), X509_free);
  constexpr long kHourS = 3600;
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -kHourS);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), kHourS);
  X509_set_pubkey(x509.get(), pair.get());
  X509_NAME* const name = X509_get_subject_name(x509.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("augurfs test"), -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  for (const auto& [nid, value] : {std::pair{NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost"},
                                   std::pair{NID_basic_constraints, "critical,CA:TRUE"}}) {
    const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value), X509_EXTENSION_free);
    X509_add_ext(x509.get(), extension.get(), -1);
  }
  check(X509_sign(x509.get(), pair.get(), EVP_sha256()) > 0, "cannot sign a certificate");
  certificate = pem([&](BIO* bio) { return PEM_write_bio_X509(bio, x509.get()); });
  key = pem([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

// One accepted connection, plain or TLS.
class HttpServer::Connection {
 public:
  Connection(int fd, SSL_CTX* context) : fd_(fd), ssl_(nullptr, SSL_free) {
    if (context == nullptr) return;
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), fd_);
    is_open_ = SSL_accept(ssl_.get()) == 1;
    if (is_open_) return;
    // Bytes left unread would make the close a reset, which may overtake the alert.
    ::shutdown(fd_, SHUT_WR);
    std::array<char, kReadBytes> ignored{};
    while (::recv(fd_, ignored.data(), ignored.size(), 0) > 0) {
    }
  }

  bool is_open() const { return is_open_; }

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ssl_
                               ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                               : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  std::optional<ServedRequest> read() {
    std::size_t head_end = 0;
    while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return std::nullopt;
      if (std::isalpha(static_cast<unsigned char>(received_[0])) == 0) {  // TLS, most likely
        write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        return std::nullopt;
      }
    }
    ServedRequest request;
    std::size_t at = received_.find("\r\n");
    const std::string first = received_.substr(0, at);
    request.method = first.substr(0, first.find(' '));
    request.target = first.substr(request.method.size() + 1);
    request.target.resize(request.target.find(' '));
    while (at < head_end) {
      const std::size_t begin = at + 2;
      at = received_.find("\r\n", begin);
      const std::string line = received_.substr(begin, at - begin);
      const std::size_t colon = line.find(':');
      const std::size_t value = line.find_first_not_of(' ', colon + 1);
      request.headers.emplace_back(lower(line.substr(0, colon)),
                                   value == std::string::npos ? "" : line.substr(value));
    }
    received_.erase(0, head_end + 4);
    const std::string length = request.header("content-length");
    const std::size_t body_bytes = length.empty() ? 0 : std::stoull(length);
    while (received_.size() < body_bytes) {
      if (!receive()) return std::nullopt;
    }
    request.body = received_.substr(0, body_bytes);
    received_.erase(0, body_bytes);
    return request;
  }

  // Makes the close that follows a reset.
  void reset() const {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  bool receive() {
    std::string bytes(kReadBytes, '\0');
    const ssize_t count = ssl_ ? SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                               : ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    received_.append(bytes, 0, static_cast<std::size_t>(count));
    return true;
  }

  const int fd_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool is_open_ = true;
  std::string received_;
};

HttpServer::HttpServer(Handler handler, std::optional<TestTls> tls)
    : handler_(std::move(handler)), tls_(tls ? make_context(*tls) : nullptr) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  check(::bind(listener_, generic, size) == 0, "bind");
  check(::listen(listener_, SOMAXCONN) == 0, "listen");
  check(::getsockname(listener_, generic, &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
  {
    auto requests = requests_.lock();
    stopping_ = true;
  }
  changed_.notify_all();
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    auto fds = open_fds_.lock();
    for (const int fd : *fds) ::shutdown(fd, SHUT_RDWR);
  }
  threads_.clear();
  ::close(listener_);
}

std::string HttpServer::url() const {
  return std::string(tls_ ? "https" : "http") + "://127.0.0.1:" + std::to_string(port_);
}

void HttpServer::wait_for_requests(std::size_t count) const {
  auto requests = requests_.lock();
  changed_.wait(requests.mutex(), [&] { return requests->size() >= count; });
}

void HttpServer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++connections_;
    open_fds_.lock()->push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void HttpServer::serve(int fd) {
  sigset_t all;  // SIGPIPE of a client that went away, above all
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  {
    Connection connection(fd, static_cast<SSL_CTX*>(tls_.get()));
    while (connection.is_open()) {
      const std::optional<ServedRequest> request = connection.read();
      if (!request) break;
      requests_.lock()->push_back(*request);
      changed_.notify_all();
      if (!answer(connection, *request, handler_(*request))) break;
    }
  }
  auto fds = open_fds_.lock();
  std::erase(*fds, fd);
  ::close(fd);
}

bool HttpServer::answer(Connection& connection, const ServedRequest& request, const Reply& reply) {
  if (!reply.is_silent) {
    if (!connection.write(head_of(reply))) return false;
    const std::string_view body =
        request.method == "HEAD" ? std::string_view() : std::string_view(reply.body);
    if (!connection.write(body.substr(0, reply.body_bytes_sent))) return false;
  }
  switch (reply.end) {
    case Reply::End::kKeepAlive:
      return true;
    case Reply::End::kStall:
      stall();
      return false;
    case Reply::End::kReset:
      connection.reset();
      return false;
    case Reply::End::kClose:
      return false;
  }
  return false;
}

void HttpServer::stall() {
  auto requests = requests_.lock();
  changed_.wait(requests.mutex(), [&] { return stopping_.load(); });
}

}  // namespace augurfs
