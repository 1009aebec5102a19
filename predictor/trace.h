#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "predictor/event.h"
#include "predictor/trace_input.h"
#include "remote/result.h"

namespace augurfs {

// One line of a trace; docs/traces.md says what each column means.
struct TraceLine {
  std::optional<std::chrono::nanoseconds> time;
  std::uint64_t stream = 0;   // hash of the column's text, 0 when it is empty
  std::uint64_t program = 0;  // the same of `exe`
  Operation operation = Operation::kRead;
  std::string path;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> bytes;
  std::optional<std::uint64_t> object_bytes;
};

// Reads a trace line by line: CSV as in RFC 4180, plain or packed by zstd or gzip, in memory that
// does not depend on its length. Thread rule: one thread at a time.
class TraceReader {
 public:
  // `skip_bad`: a line that cannot be read is counted, and no error.
  // A first line that begins with '#' is passed over.
  static Result<std::unique_ptr<TraceReader>> open(const std::filesystem::path& path,
                                                   bool skip_bad = false);
  static Result<std::unique_ptr<TraceReader>> open(std::unique_ptr<TraceInput> input,
                                                   bool skip_bad = false);
  TraceReader(const TraceReader&) = delete;
  TraceReader& operator=(const TraceReader&) = delete;
  ~TraceReader();

  // False at the end of the trace. kInvalid names file, line, column and reason.
  Result<bool> next(TraceLine& line);
  std::uint64_t skipped() const;

  // Of the last line: its number in the file, and `exe` as it stands there, until the next call.
  std::uint64_t line_number() const;
  std::string_view program() const;

 private:
  struct Parts;
  explicit TraceReader(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
