#include "remote/http_client.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "remote/http_reactor.h"

namespace augurfs {
namespace {

// From start to release, also when a sink throws: a slot is never lost.
class Call {
 public:
  Call(HttpReactor& reactor, const HttpRequest& request)
      : reactor_(reactor), transfer_(reactor.start(request)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { reactor_.release(transfer_); }

  const HttpTransferPtr& transfer() const { return transfer_; }

 private:
  HttpReactor& reactor_;
  const HttpTransferPtr transfer_;
};

// What is there for the caller, taken out of the exchange.
struct Delivery {
  bool paused = false;
  bool ended = false;
  std::optional<Error> error;
};

}  // namespace

struct HttpClient::Parts {
  explicit Parts(std::unique_ptr<HttpReactor> started) : reactor(std::move(started)) {}

  std::optional<Delivery> wait(HttpTransfer& transfer, HttpResponse& response,
                               std::stop_token stop);
  Result<HttpResponse> receive(const HttpTransferPtr& transfer, const WantsBody& wants_body,
                               const ByteSink& sink, const std::stop_token& stop);

  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> bytes_received{0};
  const std::unique_ptr<HttpReactor> reactor;
};

// Waits for the headers (put into an empty `response`), for bytes (swapped into the slot's
// draining buffer) or for the end; nullopt when asked to stop.
std::optional<Delivery> HttpClient::Parts::wait(HttpTransfer& transfer, HttpResponse& response,
                                                std::stop_token stop) {
  auto exchange = transfer.exchange.lock();
  const auto has_news = [&] {
    return exchange->ended ||
           (exchange->has_headers && (response.status == 0 || transfer.buffers->filling.size > 0));
  };
  transfer.changed.wait(exchange.mutex(), stop, has_news);
  if (stop.stop_requested()) return std::nullopt;
  if (exchange->has_headers && response.status == 0) response = std::move(exchange->response);
  if (exchange->has_headers) std::swap(transfer.buffers->filling, transfer.buffers->draining);
  return Delivery{std::exchange(exchange->paused, false), exchange->ended,
                  std::move(exchange->error)};
}

Result<HttpResponse> HttpClient::Parts::receive(const HttpTransferPtr& transfer,
                                                const WantsBody& wants_body, const ByteSink& sink,
                                                const std::stop_token& stop) {
  const Error cancelled{ErrorCode::kCancelled, "cancelled"};
  HttpResponse response;
  bool to_sink = false;
  for (;;) {
    const bool had_headers = response.status != 0;
    std::optional<Delivery> arrival = wait(*transfer, response, stop);
    if (!arrival) return cancelled;
    if (arrival->paused) reactor->resume(transfer);
    if (!had_headers && response.status != 0) to_sink = wants_body(response);
    if (response.status != 0) {
      HttpBuffer& draining = transfer->buffers->draining;
      const std::span<const std::byte> bytes(draining.bytes.get(), draining.size);
      bytes_received += bytes.size();
      draining.size = 0;
      if (to_sink && !bytes.empty() && !sink(bytes)) return cancelled;
      if (!to_sink) {
        if (bytes.size() > kBodyBytesMax - response.body.size()) {
          return Error{ErrorCode::kCorrupt, host_and_port(transfer->request.url) +
                                                " sent an answer of more than 16 MiB"};
        }
        response.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      }
    }
    if (!arrival->ended) continue;
    if (arrival->error) return *arrival->error;
    return response;
  }
}

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return value;
  }
  return "";
}

Result<std::unique_ptr<HttpClient>> HttpClient::open(const HttpOptions& options) {
  for (const auto& [name, file] :
       {std::pair{"remote.ca_bundle", &options.ca_bundle},
        std::pair{"remote.client_certificate", &options.client_certificate},
        std::pair{"remote.client_key", &options.client_key}}) {
    if (!file->empty() && ::access(file->c_str(), R_OK) != 0) {
      return Error{ErrorCode::kInvalid, std::string(name) + ": cannot read '" + *file +
                                            "': " + std::generic_category().message(errno)};
    }
  }
  if (options.max_connections < 1) {
    return Error{ErrorCode::kInvalid, "remote.max_connections must be at least 1"};
  }
  Result<std::unique_ptr<HttpReactor>> reactor = HttpReactor::open(options);
  if (!reactor) return reactor.error();
  return std::unique_ptr<HttpClient>(new HttpClient(std::make_unique<Parts>(std::move(*reactor))));
}

HttpClient::HttpClient(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::send(const HttpRequest& request, std::stop_token stop) {
  return send(
      request, [](const HttpResponse&) { return false; },
      [](std::span<const std::byte>) { return false; }, std::move(stop));
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, const WantsBody& wants_body,
                                      const ByteSink& sink, std::stop_token stop) {
  ++parts_->requests;
  const Call call(*parts_->reactor, request);
  return parts_->receive(call.transfer(), wants_body, sink, stop);
}

std::uint64_t HttpClient::requests() const { return parts_->requests; }
std::uint64_t HttpClient::bytes_received() const { return parts_->bytes_received; }

}  // namespace augurfs
