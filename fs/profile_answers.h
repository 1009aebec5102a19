#pragma once

#include <string>

#include "fs/admin_socket.h"
#include "fs/file_system.h"
#include "predictor/exclusions.h"
#include "predictor/history.h"
#include "predictor/prefetcher.h"

namespace augurfs {

// What a profile is of, and what it is for.
struct ProfilePlace {
  std::string url;     // of the mount
  std::string prefix;  // of its keys: "" or ends in "/"
  Exclusions exclusions;
};

// What a mount does about profiles when it is asked to over its admin socket:
//
//   /profile/export programs=GLOBS under=PATH seconds=N source=0|1
//   /profile/import body=BYTES name=FILE force=0|1
//   /profile/record/begin process=N  /profile/record/end source=0|1
//
// An export and the end of a recording are answered with the bytes of a file. A recording marks
// what the processes below one do; there is one at a time, and it is over when that process is.
// All are borrowed and outlive the answers; `history` may be null: it is switched off.
AdminAnswers profile_answers(FileSystem& file_system, Prefetcher& prefetcher, History* history,
                             ProfilePlace place);

}  // namespace augurfs
