#include <benchmark/benchmark.h>

#include <thread>

#include "predictor/prefetcher.h"

namespace {

using augurfs::Event;
using augurfs::Prefetcher;

// What a read pays to tell of itself: the prefetcher's thread takes the events meanwhile.
void record(benchmark::State& state) {
  static Prefetcher* prefetcher = nullptr;
  if (state.thread_index() == 0) {
    prefetcher = new Prefetcher(
        [](const augurfs::Version&, augurfs::ByteRange, const augurfs::Foreseen&) { return true; },
        {});
  }
  Event event;
  for ([[maybe_unused]] auto round : state) {
    ++event.handle;
    prefetcher->record(event);
  }
  if (state.thread_index() == 0) delete prefetcher;
}
BENCHMARK(record)->Threads(1)->Threads(4)->UseRealTime();

// The same when nobody takes them: each event pushes out the oldest.
void record_when_full(benchmark::State& state) {
  Prefetcher prefetcher(
      [](const augurfs::Version&, augurfs::ByteRange, const augurfs::Foreseen&) { return true; },
      {}, {.own_thread = false});
  Event event;
  for ([[maybe_unused]] auto round : state) prefetcher.record(event);
}
BENCHMARK(record_when_full);

}  // namespace
