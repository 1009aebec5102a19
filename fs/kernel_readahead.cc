#include "fs/kernel_readahead.h"

#include <spdlog/spdlog.h>

#include <fstream>
#include <string>

namespace augurfs {

void raise_kernel_readahead(std::uint32_t device_major, std::uint32_t device_minor) {
  constexpr int kKibibytes = 1024;
  const std::string file =
      fmt::format("/sys/class/bdi/{}:{}/read_ahead_kb", device_major, device_minor);
  std::ofstream out(file);
  out << kKibibytes << std::flush;
  spdlog::debug("fuse.readahead file={} kibibytes={} set={}", file, kKibibytes, out.good());
}

}  // namespace augurfs
