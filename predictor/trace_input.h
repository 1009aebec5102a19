#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "remote/result.h"
#include "remote/unique_fd.h"

namespace augurfs {

// The bytes of a trace file, unpacked when it begins like zstd or gzip. Memory does not depend on
// the length of the file. Thread rule: one thread at a time.
class TraceInput {
 public:
  // Of more than `bytes_max` bytes, unpacked, the rest is an error: kInvalid.
  static Result<std::unique_ptr<TraceInput>> open(
      const std::filesystem::path& path,
      std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max());
  // `name` is what messages call it.
  static Result<std::unique_ptr<TraceInput>> open(UniqueFd file, std::string name,
                                                  std::uint64_t bytes_max);

  TraceInput(const TraceInput&) = delete;
  TraceInput& operator=(const TraceInput&) = delete;
  ~TraceInput();

  // The next bytes, 0 of them at the end. kCorrupt when what is packed is damaged or cut short,
  // kUnavailable when the file cannot be read.
  Result<std::size_t> read(std::span<char> out);
  const std::string& name() const;

 private:
  struct Parts;
  explicit TraceInput(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

// Packs by zstd, with a checksum.
Result<std::string> pack_zstd(std::string_view text);

// Copies what comes through standard input into a file without a name, so that it can be read more
// than once: by path_of(), for as long as the descriptor lives.
Result<UniqueFd> spool_standard_input();
std::filesystem::path path_of(const UniqueFd& file);

}  // namespace augurfs
