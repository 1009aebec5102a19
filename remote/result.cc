#include "remote/result.h"

namespace augurfs {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kStale:
      return "stale";
    case ErrorCode::kDenied:
      return "denied";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kNoSpace:
      return "no_space";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kReadOnly:
      return "read_only";
  }
  return "unknown";
}

}  // namespace augurfs
