#pragma once

#include "remote/result.h"

namespace augurfs {

// What a program sees of an error: one errno for each code.
int to_errno(ErrorCode code);

}  // namespace augurfs
