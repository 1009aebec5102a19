#include "fs/captured_stderr.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace augurfs {

CapturedStderr::CapturedStderr()
    : file_(::memfd_create("captured-stderr", MFD_CLOEXEC)), stderr_(::dup(STDERR_FILENO)) {
  if (file_ && stderr_) ::dup2(file_.get(), STDERR_FILENO);
}

CapturedStderr::~CapturedStderr() {
  if (stderr_) ::dup2(stderr_.get(), STDERR_FILENO);
}

std::string CapturedStderr::text() const {
  std::array<char, 1024> bytes{};
  const ssize_t count = ::pread(file_.get(), bytes.data(), bytes.size(), 0);
  std::string text(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ';');
  return text;
}

}  // namespace augurfs
