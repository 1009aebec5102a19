#include "fs/fuse_arguments.h"

namespace augurfs {
namespace {

// A comma ends an option and a backslash takes away the meaning of a comma.
std::string escaped(const std::string& value) {
  std::string out;
  for (const char c : value) {
    if (c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::vector<std::string> fuse_arguments(const FuseSessionOptions& options) {
  std::vector<std::string> arguments{"augurfs", "-oro", "-odefault_permissions",
                                     "-osubtype=augurfs", "-ofsname=" + escaped(options.source)};
  if (options.allow_other) arguments.emplace_back("-oallow_other");
  return arguments;
}

}  // namespace augurfs
