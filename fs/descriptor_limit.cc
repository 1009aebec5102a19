#include "fs/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace augurfs {

void raise_descriptor_limit() {
  // Not all that may be had, which can be a thousand million: some programs that a mount starts,
  // such as a credential_process, close as many one by one.
  constexpr rlim_t kDescriptors = 4096;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kDescriptors) return;
  limit.rlim_cur = std::min(kDescriptors, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace augurfs
