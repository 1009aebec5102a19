#pragma once

#include <string>

#include "remote/unique_fd.h"

namespace augurfs {

// Collects what the process and its children write to stderr while this lives: libfuse and
// fusermount3 say why in no other way. Thread rule: one at a time in the process.
class CapturedStderr {
 public:
  CapturedStderr();
  CapturedStderr(const CapturedStderr&) = delete;
  CapturedStderr& operator=(const CapturedStderr&) = delete;
  ~CapturedStderr();

  // What was written so far, on one line, at most 1 KiB.
  std::string text() const;

 private:
  UniqueFd file_;
  UniqueFd stderr_;
};

}  // namespace augurfs
