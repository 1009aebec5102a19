#include "fs/print_error.h"

#include <cstdio>

namespace augurfs {

void print_error(const std::string& message) {
  std::fprintf(stderr, "augurfs: %s\n", message.c_str());
}

}  // namespace augurfs
