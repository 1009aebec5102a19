#include <benchmark/benchmark.h>
#include <unistd.h>

#include "fs/stream_table.h"

namespace {

using augurfs::Caller;
using augurfs::StreamTable;

Caller self() { return {static_cast<std::uint32_t>(::gettid()), 0}; }

// At open.
void look(benchmark::State& state) {
  StreamTable table;
  for ([[maybe_unused]] auto round : state) benchmark::DoNotOptimize(table.look(self()));
}
BENCHMARK(look);

// At lookup, and at a read by another thread than the one that opened.
void recall(benchmark::State& state) {
  StreamTable table;
  const Caller caller = self();
  for ([[maybe_unused]] auto round : state) benchmark::DoNotOptimize(table.recall(caller));
}
BENCHMARK(recall);

}  // namespace
