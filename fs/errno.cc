#include "fs/errno.h"

#include <cerrno>

namespace augurfs {

int to_errno(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return ENOENT;
    case ErrorCode::kStale:
      return ESTALE;
    case ErrorCode::kDenied:
      return EACCES;
    case ErrorCode::kTimeout:
      return ETIMEDOUT;
    case ErrorCode::kUnavailable:
    case ErrorCode::kCorrupt:
      return EIO;
    case ErrorCode::kNoSpace:
      return ENOSPC;
    case ErrorCode::kCancelled:
      return EINTR;
    case ErrorCode::kInvalid:
      return EINVAL;
    case ErrorCode::kReadOnly:
      return EROFS;
  }
  return EIO;
}

}  // namespace augurfs
