#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace augurfs {

// What went wrong, in the words every folder shares. fs/errno.h maps each to one errno.
enum class ErrorCode {
  kNotFound,     // no such object, bucket or file
  kStale,        // the object is no longer the version that was asked for
  kDenied,       // credentials missing, wrong, or not allowed to do this
  kTimeout,      // the deadline passed
  kUnavailable,  // the store, network or disk does not answer, also after retries
  kCorrupt,      // bytes that contradict what was promised
  kNoSpace,      // quota, free-space floor or the disk itself is exhausted
  kCancelled,    // the caller asked to stop
  kInvalid,      // the caller asked for something that makes no sense
  kReadOnly,     // a write to something that cannot be written
};

// The name of a code as it appears in log lines, for example "not_found".
const char* to_string(ErrorCode code);

// An error a person can act on: `message` says what was wrong, where, and where possible what to
// do. It never holds a secret.
struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;

  // The same error with "context: " before its message.
  Error in(const std::string& context) const { return {code, context + ": " + message}; }
};

// A value or an Error. "Absent" is not an error: a lookup that may find nothing returns
// Result<std::optional<T>>. Exceptions never cross a folder.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using Base = tl::expected<T, Error>;
  using Base::Base;
  // Implicit, so that `return Error{...};` reads as it should.
  Result(Error error) : Base(tl::unexpect, std::move(error)) {}
};

}  // namespace augurfs
