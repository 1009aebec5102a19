#pragma once

#include <cstdint>

namespace augurfs {

// The kernel starts a FUSE mount with 128 KiB of readahead and lets the daemon only lower it;
// root may raise it by /sys, which makes a cold sequential read half as fast again. The device is
// that of the mount.
void raise_kernel_readahead(std::uint32_t device_major, std::uint32_t device_minor);

}  // namespace augurfs
