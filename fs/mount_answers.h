#pragma once

#include <chrono>
#include <optional>

#include "cache/cache.h"
#include "fs/admin_socket.h"
#include "fs/file_system.h"
#include "predictor/hint_ledger.h"
#include "predictor/history.h"
#include "predictor/prefetcher.h"
#include "predictor/reading_list.h"
#include "predictor/shadow.h"

namespace augurfs {

// How much longer nothing is fetched ahead: unset when it is, seconds::max() when switched off.
std::optional<std::chrono::seconds> pause_left(const Prefetcher& prefetcher);

// What a mount does when it is asked to over its admin socket:
//
//   /explain inode=N
//   /prefetch/on  /prefetch/off  /prefetch/shadow  /prefetch/pause seconds=N
//   /prefetch/report by=expert|exe|dir
//   /hints/announce end=0 body=TEXT  /hints/clear
//   /history/wipe  /history/show  /history/export after=N origin=N
//
// All are borrowed and outlive the answers; `history` may be null: it is switched off.
AdminAnswers mount_answers(const Cache& cache, const FileSystem& file_system,
                           Prefetcher& prefetcher, ReadingList& reading_list,
                           const HintLedger& ledger, const Shadow& shadow, History* history);

}  // namespace augurfs
