#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "remote/result.h"

namespace augurfs {

// What a request says beside its name. Together they are small, but for one that is called "body",
// which may have kAdminBodyBytesMax.
using AdminParameters = std::map<std::string, std::string>;
// Does what is asked and says what came of it; an error is told to who asked.
using AdminAnswer = std::function<Result<std::string>(const AdminParameters& parameters)>;
inline constexpr std::size_t kAdminBodyBytesMax = 4U << 20U;
using AdminAnswers = std::map<std::string, AdminAnswer>;  // by the request's name: "/history/wipe"

// Tells about a running mount, and does what it is told: HTTP over a Unix socket that only its user
// can reach.
//
//   curl --unix-socket /run/augurfs/<hash>.sock http://augurfs/status
//   curl --unix-socket /run/augurfs/<hash>.sock http://augurfs/prefetch/pause -d seconds=600
//
// The status is got; everything else is posted. One request after the other is answered, so none
// may take long. Thread rule: answers are called on a thread of the socket's own. The destructor
// stops it and removes the file.
class AdminSocket {
 public:
  // Serves on `path`, in a directory that exists; a file of that name is replaced.
  static Result<std::unique_ptr<AdminSocket>> open(const std::filesystem::path& path,
                                                   std::function<std::string()> status,
                                                   const AdminAnswers& answers = {});
  AdminSocket(const AdminSocket&) = delete;
  AdminSocket& operator=(const AdminSocket&) = delete;
  ~AdminSocket();

 private:
  struct Parts;
  explicit AdminSocket(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// The status document of the daemon behind `path`. kNotFound when nobody listens there (any more),
// kTimeout when the daemon does not answer.
Result<std::string> ask_status(const std::filesystem::path& path);

// The process that listens on `path`, whether it answers or not; nullopt when nobody does.
std::optional<pid_t> listener_on(const std::filesystem::path& path);
// Any other request. The daemon's own error when it has one; kInvalid when it knows no such
// request.
Result<std::string> ask_daemon(const std::filesystem::path& path, const std::string& request,
                               const AdminParameters& parameters = {});

}  // namespace augurfs
