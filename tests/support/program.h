#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace augurfs {

struct ProgramResult {
  int exit_code = -1;  // 128 + signal when it was killed, 124 when it took too long
  std::string output;
  std::string errors;
};

// Runs a program to its end, in `environment` alone, with nothing to read. Its end is the end of
// the process and of its output: a daemon that keeps the output of its caller shows as 124.
ProgramResult run_program(const std::vector<std::string>& command,
                          const std::map<std::string, std::string>& environment = {});

// Waits until a process, of ours or not, has ended, and buries it if it is ours; false when it
// takes too long. `status` is what waitpid() says.
bool process_ends(pid_t process, int* status = nullptr);

}  // namespace augurfs
