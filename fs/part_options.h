#pragma once

#include <optional>

#include "cache/cache.h"
#include "fs/fuse_session.h"
#include "fs/mount_plan.h"
#include "predictor/brain/supervisor.h"
#include "predictor/history.h"
#include "remote/result.h"

namespace augurfs {

// What the options of a mount mean for each of its parts. A time that several of them spend is
// shared out here: what the cache and the kernel believe adds up to `metadata.ttl`.
// kNoSpace when the disk is so small that the share of it that a cache may have is none; what
// CacheDirectory::make() says when the directory cannot be made there either.
Result<CacheOptions> cache_options(const MountPlan& plan);
// Unset when there is to be no history. What it may occupy is taken off the cache's own quota.
std::optional<HistoryOptions> history_options(const MountPlan& plan);
FuseSessionOptions session_options(const MountPlan& plan);
SupervisorOptions brain_options(const MountPlan& plan, std::uint64_t cache_bytes_max);

}  // namespace augurfs
