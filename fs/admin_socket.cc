#include "fs/admin_socket.h"

#include <httplib.h>
#include <spdlog/fmt/fmt.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "remote/unique_fd.h"

namespace augurfs {
namespace {

constexpr int kOk = 200;
constexpr int kAnyPort = 80;  // the library wants one, a Unix socket has none
constexpr std::chrono::seconds kAnswerWithin{5};
// The library's own is 5, and a Unix socket with no room refuses instead of making its caller wait.
constexpr int kBacklog = 128;
constexpr int kRefused = 409;
constexpr int kNoSuch = 404;
constexpr const char* kJson = "application/json";
constexpr const char* kText = "application/octet-stream";

template <typename Ask>
Result<std::string> answer_of(const std::filesystem::path& path, Ask ask) {
  httplib::Client client(path.string());
  client.set_address_family(AF_UNIX);
  client.set_connection_timeout(kAnswerWithin);
  client.set_read_timeout(kAnswerWithin);
  const httplib::Result answer = ask(client);
  if (!answer && answer.error() == httplib::Error::Connection) {
    return Error{ErrorCode::kNotFound, "nobody listens on " + path.string()};
  }
  if (answer && answer->status == kRefused) return Error{ErrorCode::kInvalid, answer->body};
  if (answer && answer->status == kNoSuch) {
    return Error{ErrorCode::kInvalid, "the daemon is of another version and knows no such request"};
  }
  if (!answer || answer->status != kOk) {
    return Error{ErrorCode::kTimeout, "the daemon does not answer on " + path.string()};
  }
  return answer->body;
}

}  // namespace

struct AdminSocket::Parts {
  explicit Parts(std::filesystem::path socket) : path(std::move(socket)) {}
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    server.stop();
    if (thread.joinable()) thread.join();
    ::unlink(path.c_str());
  }

  const std::filesystem::path path;
  httplib::Server server;
  std::thread thread;
};

AdminSocket::AdminSocket(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
AdminSocket::~AdminSocket() = default;

Result<std::unique_ptr<AdminSocket>> AdminSocket::open(const std::filesystem::path& path,
                                                       std::function<std::string()> status,
                                                       const AdminAnswers& answers) {
  auto parts = std::make_unique<Parts>(path);
  httplib::Server& server = parts->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(1); };
  server.set_address_family(AF_UNIX);
  int listener = -1;
  server.set_socket_options([&listener](int socket) { listener = socket; });
  server.set_keep_alive_max_count(1);  // the one thread belongs to nobody for long
  server.set_read_timeout(kAnswerWithin);
  server.set_write_timeout(kAnswerWithin);
  server.set_payload_max_length(kAdminBodyBytesMax);
  server.Get("/status",
             [status = std::move(status)](const httplib::Request&, httplib::Response& response) {
               response.set_content(status(), kJson);
             });
  for (const auto& [name, answer] : answers) {
    server.Post(name,
                [answer = answer](const httplib::Request& request, httplib::Response& response) {
                  AdminParameters parameters(request.params.begin(), request.params.end());
                  if (request.get_header_value("Content-Type") == kText)
                    parameters["body"] = request.body;
                  const auto said = answer(parameters);
                  response.status = said ? kOk : kRefused;
                  response.set_content(said ? *said : said.error().message, kText);
                });
  }
  ::unlink(path.c_str());
  if (!server.bind_to_port(path.string(), kAnyPort)) {
    return Error{
        ErrorCode::kUnavailable,
        fmt::format("cannot listen on {}: is the name too long for a socket?", path.string())};
  }
  ::listen(listener, kBacklog);
  parts->thread = std::thread([&server] { server.listen_after_bind(); });
  // stop() has no effect on a server that does not run yet.
  while (!server.is_running()) std::this_thread::yield();
  return std::unique_ptr<AdminSocket>(new AdminSocket(std::move(parts)));
}

std::optional<pid_t> listener_on(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof(address.sun_path)) return std::nullopt;
  path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
  // A full queue of a daemon that hangs refuses instead of making us wait; then nobody is known.
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return std::nullopt;
  }
  ucred listener{};
  socklen_t size = sizeof(listener);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &listener, &size) != 0 ||
      listener.pid <= 0) {
    return std::nullopt;
  }
  return listener.pid;
}

Result<std::string> ask_status(const std::filesystem::path& path) {
  return answer_of(path, [](httplib::Client& client) { return client.Get("/status"); });
}

Result<std::string> ask_daemon(const std::filesystem::path& path, const std::string& request,
                               const AdminParameters& parameters) {
  httplib::Params fields(parameters.begin(), parameters.end());
  return answer_of(path, [&](httplib::Client& client) {
    const auto body = fields.extract("body");
    if (body.empty()) return client.Post(request.c_str(), fields);
    const std::string target = httplib::append_query_params(request, fields);
    return client.Post(target.c_str(), body.mapped(), kText);
  });
}

}  // namespace augurfs
