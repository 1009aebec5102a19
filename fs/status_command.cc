#include "fs/status_command.h"

#include <unistd.h>

#include <cstdio>
#include <string>
#include <system_error>
#include <vector>

#include "fs/admin_socket.h"
#include "fs/mount_point.h"
#include "fs/mount_status.h"
#include "fs/runtime_directory.h"

namespace augurfs {
namespace {

namespace fs = std::filesystem;

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }
void print_error(const std::string& message) {
  std::fprintf(stderr, "augurfs: %s\n", message.c_str());
}

int print_one(const fs::path& directory, const fs::path& sockets, bool json) {
  const auto resolved = resolve_mount_point(directory);
  if (!resolved) {
    print_error(resolved.error().message);
    return 1;
  }
  const auto status = ask_status(socket_path(sockets, *resolved));
  if (!status && status.error().code == ErrorCode::kNotFound) {
    print_error("no mount of yours on " + resolved->string());
    return 1;
  }
  if (!status) {
    print_error(status.error().message);
    return 1;
  }
  print(json ? *status + "\n" : to_text(*status));
  return 0;
}

int print_all(const fs::path& sockets, bool json) {
  std::vector<std::string> documents;
  int code = 0;
  for (const fs::path& path : socket_paths(sockets)) {
    const auto status = ask_status(path);
    if (status) {
      documents.push_back(*status);
    } else if (status.error().code == ErrorCode::kNotFound) {
      std::error_code ignored;
      fs::remove(path, ignored);  // its daemon was killed
    } else {
      print_error(status.error().message);
      code = 1;
    }
  }
  std::string text;
  for (const std::string& document : documents) {
    if (!text.empty()) text += json ? ",\n" : "\n";
    text += json ? document : to_text(document);
  }
  if (json) text = "[" + text + "]\n";
  if (!json && documents.empty() && code == 0) text = "nothing is mounted\n";
  print(text);
  return code;
}

}  // namespace

int run_status(const StatusCommand& command, const Environment& environment) {
  const fs::path sockets = runtime_directory(environment, ::geteuid());
  if (command.directory) return print_one(*command.directory, sockets, command.json);
  return print_all(sockets, command.json);
}

}  // namespace augurfs
