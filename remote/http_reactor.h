#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "remote/guarded.h"
#include "remote/http_client.h"
#include "remote/result.h"

namespace augurfs {

// One of the two buffers between curl and a sink.
struct HttpBuffer {
  // Twice what one recv() brings, so that curl is paused only when the sink is slower than the
  // network.
  static constexpr std::size_t kBytes = std::size_t{1024} * 1024;

  std::unique_ptr<std::byte[]> bytes = std::make_unique_for_overwrite<std::byte[]>(kBytes);
  std::size_t size = 0;
};

struct HttpBuffers {
  HttpBuffer filling;   // written by the reactor, under HttpTransfer::exchange
  HttpBuffer draining;  // the caller's alone
};

// What reactor and caller tell each other.
struct HttpExchange {
  bool has_headers = false;
  HttpResponse response;
  bool paused = false;  // `filling` was full; the caller asks to resume once it has room
  bool ended = false;
  std::optional<Error> error;
};

// A request on its way, as its caller sees it.
struct HttpTransfer {
  explicit HttpTransfer(HttpRequest asked) : request(std::move(asked)) {}

  const HttpRequest request;
  HttpBuffers* buffers = nullptr;  // there once `exchange` has headers, until it is released
  Guarded<HttpExchange> exchange;
  std::condition_variable_any changed;
};
using HttpTransferPtr = std::shared_ptr<HttpTransfer>;

// The thread that owns curl_multi, for HttpClient alone. Thread rule: any thread; nothing blocks.
// The end of the reactor ends all transfers with kCancelled. No other file includes curl.
class HttpReactor {
 public:
  static Result<std::unique_ptr<HttpReactor>> open(const HttpOptions& options);
  HttpReactor(const HttpReactor&) = delete;
  HttpReactor& operator=(const HttpReactor&) = delete;
  ~HttpReactor();

  HttpTransferPtr start(const HttpRequest& request);
  // There is room in `filling` again.
  void resume(const HttpTransferPtr& transfer);
  // The caller is done with it, ended or not.
  void release(const HttpTransferPtr& transfer);

 private:
  class Loop;
  explicit HttpReactor(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

// "host:port" of a URL, the port said even where it is the scheme's own.
std::string host_and_port(const std::string& url);

}  // namespace augurfs
