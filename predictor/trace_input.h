#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "remote/result.h"
#include "remote/unique_fd.h"

namespace augurfs {

// The bytes of a trace file, unpacked when it begins like zstd or gzip. Memory does not depend on
// the length of the file. Thread rule: one thread at a time.
class TraceInput {
 public:
  static Result<std::unique_ptr<TraceInput>> open(const std::filesystem::path& path);

  TraceInput(const TraceInput&) = delete;
  TraceInput& operator=(const TraceInput&) = delete;
  ~TraceInput();

  // The next bytes, 0 of them at the end. kCorrupt when what is packed is damaged or cut short,
  // kUnavailable when the file cannot be read.
  Result<std::size_t> read(std::span<char> out);

 private:
  struct Parts;
  explicit TraceInput(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

// Copies what comes through standard input into a file without a name, so that it can be read more
// than once: by path_of(), for as long as the descriptor lives.
Result<UniqueFd> spool_standard_input();
std::filesystem::path path_of(const UniqueFd& file);

}  // namespace augurfs
