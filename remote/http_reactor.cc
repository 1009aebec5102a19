#include "remote/http_reactor.h"

#include <curl/curl.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <optional>
#include <thread>

#include "remote/guarded.h"

namespace augurfs {
namespace {

using Clock = std::chrono::steady_clock;

// What one recv() may bring; curl's default of 16 KiB costs half the throughput on a fast network.
constexpr long kReceiveBytes = 512L * 1024;
// Without a request for this long, buffers and handles are given back. Connections stay warm.
constexpr std::chrono::milliseconds kIdleAfter{2'000};
constexpr std::chrono::milliseconds kPollMax{60'000};

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct HeaderListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, HeaderListDeleter>;

// What a call under way needs; there are at most max_connections of them.
struct Slot {
  std::unique_ptr<CURL, EasyDeleter> easy{curl_easy_init()};
  std::array<char, CURL_ERROR_SIZE> error{};
  HttpBuffers buffers;
};

// What is the reactor's alone of a transfer. The slot is there from the start of the exchange until
// the caller's release.
struct Transfer : HttpTransfer {
  using HttpTransfer::HttpTransfer;

  std::unique_ptr<Slot> slot;
  HeaderList headers;
  HttpResponse incoming;
  bool in_multi = false;
  bool connected = false;
  bool paused = false;         // until the reactor has resumed it, whatever `exchange` says by then
  bool told = true;            // the caller knows all that is in `exchange`
  curl_off_t bytes_moved = 0;  // either way
  Clock::time_point progress;  // the last time it moved
  Clock::time_point began;     // when it was asked for
  std::chrono::milliseconds earned{0};  // what the bytes received add to the request's timeout

  Clock::time_point give_up() const {
    if (request.timeout.count() == 0) return Clock::time_point::max();
    return began + request.timeout + earned;
  }
};
using TransferPtr = std::shared_ptr<Transfer>;

std::string seconds(std::chrono::milliseconds time) {
  std::string text = std::to_string(time.count() / 1000);
  if (time.count() % 1000 != 0) {
    text += "." + std::to_string(1000 + time.count() % 1000).substr(1);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + " s";
}

Error no_connection_error(const std::string& url, std::chrono::milliseconds time) {
  return {ErrorCode::kTimeout, "no connection to " + host_and_port(url) + " within " +
                                   seconds(time) +
                                   "; is the endpoint right, and no firewall on the way?"};
}

// Nothing, unless the environment names a proxy: it may be that which does not answer.
std::string proxy_hint(const std::string& url) {
  const bool tls = url.starts_with("https:");
  for (const char* const name : {tls ? "https_proxy" : "http_proxy",
                                 tls ? "HTTPS_PROXY" : "http_proxy", "all_proxy", "ALL_PROXY"}) {
    const char* const proxy = std::getenv(name);
    if (proxy == nullptr || *proxy == '\0') continue;
    return " Or the proxy that " + std::string(name) +
           " names in the environment; no_proxy says which hosts to ask without it.";
  }
  return "";
}

std::string certificate_trouble(CURLcode code, const std::string& host, const std::string& because,
                                const std::string& ca_bundle) {
  if (code == CURLE_SSL_CERTPROBLEM) {
    return "remote.client_certificate or remote.client_key cannot be used for " + host + ": " +
           because + "; both are PEM files, and the key is the certificate's own";
  }
  if (code == CURLE_SSL_CACERT_BADFILE && ca_bundle.empty()) {
    return "cannot read the authorities that this machine trusts, for " + host + ": " + because +
           "; install ca-certificates, or name a PEM file in remote.ca_bundle";
  }
  if (code == CURLE_SSL_CACERT_BADFILE) {
    return "remote.ca_bundle: no certificate in '" + ca_bundle + "', for " + host + ": " + because +
           "; it has to be a PEM file";
  }
  if (because.find("subject name") != std::string::npos) {  // who signed it is trusted
    return "the certificate of " + host + " is for another name: " + because +
           "; the endpoint has to be a name that it is for";
  }
  return "the certificate of " + host + " is not trusted: " + because +
         (ca_bundle.empty()
              ? "; if it is signed by an authority of your own, name that in remote.ca_bundle"
              : "; remote.ca_bundle has to hold the authority that signed it");
}

// What curl's codes mean to a person; `detail` is curl's own text.
Error to_error(CURLcode code, const std::string& url, const std::string& detail,
               const HttpOptions& options) {
  const std::string host = host_and_port(url);
  const std::string because = detail.empty() ? curl_easy_strerror(code) : detail;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorCode::kUnavailable, "cannot resolve the name of " + host + ": " + because +
                                           "; is it right, and does this machine have a network?"};
    case CURLE_COULDNT_CONNECT:
      return {ErrorCode::kUnavailable, "cannot connect to " + host + ": " + because +
                                           "; is the endpoint right, and does its server run?" +
                                           proxy_hint(url)};
    case CURLE_OPERATION_TIMEDOUT:
      return no_connection_error(url, options.connect_timeout);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return {ErrorCode::kUnavailable, certificate_trouble(code, host, because, options.ca_bundle)};
    case CURLE_SSL_CONNECT_ERROR:
      if (because.find("wrong version number") != std::string::npos) {
        return {ErrorCode::kUnavailable, host + " does not speak TLS (" + because +
                                             "); is the endpoint http:// rather than https://?"};
      }
      return {ErrorCode::kUnavailable, "no TLS connection to " + host + ": " + because};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return {ErrorCode::kUnavailable, host + " does not answer in HTTP (" + because +
                                           "); is the endpoint https:// rather than http://?"};
    case CURLE_PARTIAL_FILE:
      return {ErrorCode::kUnavailable, host + " sent less than it promised: " + because};
    case CURLE_GOT_NOTHING:
      return {ErrorCode::kUnavailable,
              host + " hung up without an answer" +
                  (url.starts_with("http:") ? "; if it speaks TLS, the endpoint is https://" : "")};
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return {ErrorCode::kUnavailable, "the connection to " + host + " broke: " + because};
    default:
      return {ErrorCode::kUnavailable, "the exchange with " + host + " failed: " + because};
  }
}

void add_header(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(list.release());
  list.reset(longer);
}

HeaderList to_list(const HttpRequest& request) {
  HeaderList list;
  bool has_type = false;
  for (const auto& [name, value] : request.headers) {
    has_type = has_type || strcasecmp(name.c_str(), "content-type") == 0;
    // curl's way of saying that a header is there and empty.
    std::string line(name);
    add_header(list, value.empty() ? line.append(";") : line.append(": ").append(value));
  }
  add_header(list, "Expect:");  // no round trip to ask whether a body is welcome
  if (!has_type) add_header(list, "Content-Type:");
  return list;
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* owner) {
  auto& transfer = *static_cast<Transfer*>(owner);
  const std::string_view line(bytes, size);
  transfer.progress = Clock::now();
  if (line.starts_with("HTTP/")) {  // also after a 100 Continue: what came before is void
    transfer.incoming = {};
  } else if (trimmed(line).empty()) {
    long status = 0;
    curl_easy_getinfo(transfer.slot->easy.get(), CURLINFO_RESPONSE_CODE, &status);
    auto exchange = transfer.exchange.lock();
    // The second blank line of a chunked body ends its trailers, which nobody asked for.
    if (status < 200 || exchange->has_headers) return size;
    exchange->response = std::move(transfer.incoming);
    exchange->response.status = static_cast<int>(status);
    exchange->has_headers = true;
    transfer.told = false;
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    transfer.incoming.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
  }
  return size;
}

std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* owner) {
  auto& transfer = *static_cast<Transfer*>(owner);
  auto exchange = transfer.exchange.lock();
  transfer.told = false;
  HttpBuffer& filling = transfer.slot->buffers.filling;
  if (size > HttpBuffer::kBytes - filling.size) {
    exchange->paused = true;
    transfer.paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  std::memcpy(filling.bytes.get() + filling.size, bytes, size);
  filling.size += size;
  return size;
}

int on_connected(void* owner, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(owner);
  transfer.connected = true;
  transfer.progress = Clock::now();
  return CURL_PREREQFUNC_OK;
}

int on_progress(void* owner, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) {
  auto& transfer = *static_cast<Transfer*>(owner);
  if (received + sent != transfer.bytes_moved) {
    if (transfer.request.bytes_per_second_min > 0) {
      transfer.earned = std::chrono::milliseconds(static_cast<std::uint64_t>(received) * 1000 /
                                                  transfer.request.bytes_per_second_min);
    }
    transfer.bytes_moved = received + sent;
    transfer.progress = Clock::now();
  }
  return 0;
}

void set_limits(CURL* easy, const HttpOptions& options) {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBytes);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // of a proxy
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!options.ca_bundle.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_bundle.c_str());
  }
  if (!options.client_certificate.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLCERT, options.client_certificate.c_str());
  }
  if (!options.client_key.empty()) {
    curl_easy_setopt(easy, CURLOPT_SSLKEY, options.client_key.c_str());
  }
}

void set_request(Transfer& transfer) {
  CURL* easy = transfer.slot->easy.get();
  const HttpRequest& request = transfer.request;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);  // a key may hold "/../"
  if (request.past_proxies) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    if (!request.body.empty() || request.method == "PUT" || request.method == "POST") {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  transfer.headers = to_list(request);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers.get());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "augurfs");
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.slot->error.data());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &transfer);
}

// Why a transfer that is connected gets nowhere: no byte for so long.
Error stalled_error(Transfer& transfer, std::chrono::milliseconds time) {
  const std::string host = host_and_port(transfer.request.url);
  if (transfer.exchange.lock()->has_headers) {
    return {ErrorCode::kTimeout, "no byte from " + host + " for " + seconds(time)};
  }
  return {ErrorCode::kTimeout, host + " took the request and has not answered for " +
                                   seconds(time) + "; is the endpoint right, and its server well?"};
}

// Why a transfer has taken longer than its request may: what it waited for in the end.
Error late_error(Transfer& transfer, Clock::time_point now) {
  constexpr std::chrono::milliseconds kTenth{100};
  const auto silence =
      std::chrono::duration_cast<std::chrono::milliseconds>(now - transfer.progress);
  if (transfer.connected && !transfer.exchange.lock()->has_headers) {
    return stalled_error(transfer, silence / kTenth * kTenth);
  }
  if (transfer.in_multi && !transfer.connected) {
    return no_connection_error(transfer.request.url, silence / kTenth * kTenth);
  }
  const std::string limit = seconds(transfer.request.timeout + transfer.earned);
  const std::string host = host_and_port(transfer.request.url);
  return {ErrorCode::kTimeout, host + " did not finish within " + limit};
}

// What callers ask of the reactor.
struct Inbox {
  std::vector<TransferPtr> started;
  std::vector<TransferPtr> resumed;
  std::vector<TransferPtr> released;  // the caller is done with it, ended or not
  bool closing = false;
};

}  // namespace

std::string host_and_port(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  std::string host = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  host.erase(0, host.rfind('@') + 1);
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  if (has_port) return host;
  return host + (url.starts_with("https:") ? ":443" : ":80");
}

// The thread that owns curl_multi. Everything private is its own, but the inbox.
class HttpReactor::Loop {
 public:
  explicit Loop(const HttpOptions& options) : options_(options), multi_(curl_multi_init()) {
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS,
                      static_cast<long>(options.max_connections));
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
    thread_ = std::jthread([this] { run(); });
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() {
    inbox_.lock()->closing = true;
    curl_multi_wakeup(multi_.get());
    thread_.join();
  }

  void start(TransferPtr transfer) { post(&Inbox::started, std::move(transfer)); }
  void resume(TransferPtr transfer) { post(&Inbox::resumed, std::move(transfer)); }
  void release(TransferPtr transfer) { post(&Inbox::released, std::move(transfer)); }

 private:
  void post(std::vector<TransferPtr> Inbox::*list, TransferPtr transfer) {
    ((*inbox_.lock()).*list).push_back(std::move(transfer));
    curl_multi_wakeup(multi_.get());
  }

  void run();
  bool take_inbox();
  void begin(const TransferPtr& transfer);
  void forget(const TransferPtr& transfer);
  void detach(Transfer& transfer);
  void end(Transfer& transfer, std::optional<Error> error);
  void collect_ended();
  Clock::time_point check_time();
  void tell_callers();

  const HttpOptions options_;
  const std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::deque<TransferPtr> waiting_;  // for a slot
  std::vector<TransferPtr> active_;  // those that hold a slot
  std::vector<std::unique_ptr<Slot>> free_slots_;
  Clock::time_point last_active_ = Clock::now();
  Guarded<Inbox> inbox_;
  std::jthread thread_;
};

void HttpReactor::Loop::run() {
  // Signals are for threads that expect them; a write to a connection that the server has closed
  // must not end the process either (OpenSSL does not ask for MSG_NOSIGNAL).
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  while (take_inbox()) {
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    collect_ended();
    const Clock::time_point next = check_time();
    tell_callers();
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    const auto bounded = std::clamp(wait, std::chrono::milliseconds{0}, kPollMax);
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(bounded.count()), nullptr);
  }
  for (const TransferPtr& transfer : waiting_) {
    end(*transfer, Error{ErrorCode::kCancelled, "the HTTP client is closed"});
  }
  for (const TransferPtr& transfer : active_) {
    end(*transfer, Error{ErrorCode::kCancelled, "the HTTP client is closed"});
  }
  tell_callers();
}

bool HttpReactor::Loop::take_inbox() {
  Inbox taken;
  {
    auto inbox = inbox_.lock();
    if (inbox->closing) return false;
    std::swap(*inbox, taken);
  }
  for (TransferPtr& transfer : taken.started) {
    transfer->began = Clock::now();
    waiting_.push_back(std::move(transfer));
  }
  for (const TransferPtr& transfer : taken.resumed) {
    if (!transfer->in_multi) continue;
    transfer->progress = Clock::now();
    transfer->paused = false;
    curl_easy_pause(transfer->slot->easy.get(), CURLPAUSE_CONT);
  }
  for (const TransferPtr& transfer : taken.released) forget(transfer);
  while (!waiting_.empty() && std::cmp_less(active_.size(), options_.max_connections)) {
    begin(waiting_.front());
    waiting_.pop_front();
  }
  return true;
}

void HttpReactor::Loop::begin(const TransferPtr& transfer) {
  if (free_slots_.empty()) {
    transfer->slot = std::make_unique<Slot>();
  } else {
    transfer->slot = std::move(free_slots_.back());
    free_slots_.pop_back();
  }
  active_.push_back(transfer);
  Slot& slot = *transfer->slot;
  slot.buffers.filling.size = 0;
  slot.buffers.draining.size = 0;
  transfer->buffers = &slot.buffers;
  slot.error[0] = '\0';
  curl_easy_reset(slot.easy.get());
  set_limits(slot.easy.get(), options_);
  set_request(*transfer);
  transfer->progress = Clock::now();
  transfer->in_multi = true;
  curl_multi_add_handle(multi_.get(), slot.easy.get());
}

void HttpReactor::Loop::forget(const TransferPtr& transfer) {
  std::erase(waiting_, transfer);
  if (transfer->slot == nullptr) return;
  detach(*transfer);
  free_slots_.push_back(std::move(transfer->slot));
  std::erase(active_, transfer);
}

void HttpReactor::Loop::detach(Transfer& transfer) {
  if (!transfer.in_multi) return;
  curl_multi_remove_handle(multi_.get(), transfer.slot->easy.get());
  transfer.in_multi = false;
}

void HttpReactor::Loop::end(Transfer& transfer, std::optional<Error> error) {
  detach(transfer);
  auto exchange = transfer.exchange.lock();
  if (exchange->ended) return;
  exchange->ended = true;
  exchange->error = std::move(error);
  transfer.told = false;
}

void HttpReactor::Loop::collect_ended() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;  // `message` is gone once the handle is detached
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    if (code == CURLE_OK) {
      end(*transfer, std::nullopt);
      continue;
    }
    std::string detail = trimmed(transfer->slot->error.data());
    long system_error = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_OS_ERRNO, &system_error);
    if (code == CURLE_COULDNT_CONNECT && system_error != 0) {  // curl's text leaves it out
      detail = std::generic_category().message(static_cast<int>(system_error));
    }
    end(*transfer, to_error(code, transfer->request.url, detail, options_));
  }
}

// Ends what has waited too long, gives back what an idle client does not need; returns when to
// look again.
Clock::time_point HttpReactor::Loop::check_time() {
  const Clock::time_point now = Clock::now();
  Clock::time_point next = now + kPollMax;
  const auto give_up = [&](Transfer& transfer) {
    if (now >= transfer.give_up()) {
      end(transfer, late_error(transfer, now));
    } else {
      next = std::min(next, transfer.give_up());
    }
  };
  for (const TransferPtr& transfer : active_) {
    give_up(*transfer);
    // While it is paused, it is the sink that takes its time.
    if (!transfer->in_multi || !transfer->connected || transfer->paused) continue;
    const Clock::time_point stalled = transfer->progress + options_.stall_timeout;
    if (now >= stalled) {
      end(*transfer, stalled_error(*transfer, options_.stall_timeout));
    } else {
      next = std::min(next, stalled);
    }
  }
  for (const TransferPtr& transfer : waiting_) give_up(*transfer);

  if (!active_.empty()) {
    last_active_ = now;
  } else if (!free_slots_.empty()) {
    if (now >= last_active_ + kIdleAfter) {
      free_slots_.clear();
      // glibc keeps freed buffers of this size for itself: 28 MB after 32 parallel transfers.
      malloc_trim(0);
    } else {
      next = std::min(next, last_active_ + kIdleAfter);
    }
  }
  return next;
}

// Once a round rather than once a callback: curl calls on_body for every 16 KiB.
void HttpReactor::Loop::tell_callers() {
  const auto tell = [](const TransferPtr& transfer) {
    if (!std::exchange(transfer->told, true)) transfer->changed.notify_one();
  };
  std::for_each(active_.begin(), active_.end(), tell);
  std::for_each(waiting_.begin(), waiting_.end(), tell);
  std::erase_if(waiting_,
                [](const TransferPtr& transfer) { return transfer->exchange.lock()->ended; });
}

HttpReactor::HttpReactor(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
HttpReactor::~HttpReactor() = default;

Result<std::unique_ptr<HttpReactor>> HttpReactor::open(const HttpOptions& options) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) {
    return Error{ErrorCode::kUnavailable,
                 std::string("cannot start libcurl: ") + curl_easy_strerror(initialised)};
  }
  return std::unique_ptr<HttpReactor>(new HttpReactor(std::make_unique<Loop>(options)));
}

HttpTransferPtr HttpReactor::start(const HttpRequest& request) {
  auto transfer = std::make_shared<Transfer>(request);
  loop_->start(transfer);
  return transfer;
}

void HttpReactor::resume(const HttpTransferPtr& transfer) {
  loop_->resume(std::static_pointer_cast<Transfer>(transfer));
}

void HttpReactor::release(const HttpTransferPtr& transfer) {
  loop_->release(std::static_pointer_cast<Transfer>(transfer));
}

}  // namespace augurfs
