#pragma once

#include <filesystem>

#include "fs/command_line.h"
#include "fs/environment.h"
#include "fs/options.h"
#include "remote/result.h"
#include "remote/store_url.h"

namespace augurfs {

// What a mount needs to know, checked before anything is opened: the mount point is resolved and
// free, /dev/fuse can be used, and nothing that the mount rests on lies in it.
struct MountPlan {
  StoreUrl url;
  std::filesystem::path mount_point;
  std::filesystem::path cache_directory;
  std::filesystem::path log_file;  // or "stderr" or "journald"
  std::filesystem::path sockets;   // the runtime directory
  Options options;
};

// The error says what is wrong and what to do.
Result<MountPlan> plan_mount(const MountCommand& command, const Environment& environment);

}  // namespace augurfs
