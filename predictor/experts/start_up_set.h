#pragma once

#include <chrono>
#include <vector>

#include "predictor/expert.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct StartUpSetOptions {
  std::size_t programs_max = 256;
  std::size_t streams_max = 1 << 12;
  std::size_t objects_max = 512;  // of one program
  std::chrono::nanoseconds lasts_for = std::chrono::seconds(10);
  std::uint64_t object_bytes_max = 4 << 20;  // of one; reading ahead in it is another's business
};

// What a program opened the last times it started it opens when it starts again: shared libraries,
// modules, configuration. A start is the first access of a stream; what at least half of the
// program's starts opened in their first seconds is asked for in the order of the first of them.
// Remembered as long as the process lives. Our own; the idea is that of many boot prefetchers.
class StartUpSet : public Expert {
 public:
  explicit StartUpSet(const StartUpSetOptions& options)
      : options_(options), programs_(options.programs_max), streams_(options.streams_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  struct Opened {
    ObjectId object{};
    std::uint32_t starts = 0;      // in which it was opened
    std::uint32_t last_start = 0;  // of those
  };
  struct Program {
    std::vector<Opened> opened;
    std::uint32_t starts = 0;  // lately
    std::uint32_t number = 0;  // of the latest start, from the beginning on
  };
  struct Stream {
    std::chrono::steady_clock::time_point began;
    std::uint64_t program = 0;  // a process may become another
    std::uint32_t start = 0;    // of the program
    std::size_t asked_end = 0;  // of its set
  };

  void remember(Program& program, const Stream& stream, ObjectId object) const;
  void ask(const Program& program, Stream& stream, ObjectId but, const Catalog& catalog,
           std::vector<Candidate>& candidates) const;

  const StartUpSetOptions options_;
  RecencyTable<Program> programs_;
  RecencyTable<Stream> streams_;
};

}  // namespace augurfs
