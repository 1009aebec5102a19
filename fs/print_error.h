#pragma once

#include <string>

namespace augurfs {

// Says something to the person at the terminal, on stderr: "augurfs: message".
void print_error(const std::string& message);

}  // namespace augurfs
