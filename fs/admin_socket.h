#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "remote/result.h"

namespace augurfs {

// Tells about a running mount: HTTP over a Unix socket that only its user can reach.
//
//   curl --unix-socket /run/augurfs/<hash>.sock http://augurfs/status
//
// Thread rule: `status` is called on a thread of the socket's own. The destructor stops it and
// removes the file.
class AdminSocket {
 public:
  // Serves on `path`, in a directory that exists; a file of that name is replaced.
  static Result<std::unique_ptr<AdminSocket>> open(const std::filesystem::path& path,
                                                   std::function<std::string()> status);
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

}  // namespace augurfs
