#include <benchmark/benchmark.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "predictor/brain/expert_pool.h"
#include "predictor/brain/supervisor.h"

namespace {

using augurfs::BrainState;
using augurfs::Candidate;
using augurfs::Catalog;
using augurfs::Event;
using augurfs::object_id;
using augurfs::Supervisor;

constexpr int kChildren = 10'000;

std::string key_of(int i) { return "d/" + std::to_string(100'000 + i % kChildren); }

// A directory that somebody copies file by file.
Catalog directory() {
  std::vector<augurfs::ObjectInfo> objects;
  for (int i = 0; i < kChildren; ++i) objects.push_back({{key_of(i), "", 4096}, {}});
  Catalog catalog;
  catalog.list("d/", objects);
  return catalog;
}

Event opened(int i) {
  Event event;
  event.operation = augurfs::Operation::kOpen;
  event.stream = 1;
  event.object = object_id(key_of(i));
  return event;
}

// What the brain thinks about an event.
void think(benchmark::State& state) {
  const auto policy = augurfs::make_brain_policy({.cache_bytes = 1 << 30});
  const Catalog catalog = directory();
  std::vector<Candidate> candidates;
  int i = 0;
  for ([[maybe_unused]] auto round : state) {
    candidates.clear();
    policy->observe(opened(i++), catalog, candidates);
  }
}
BENCHMARK(think);

// From an event in the daemon, through the brain's process, to its hint in the daemon.
void event_to_hint(benchmark::State& state) {
  std::atomic<int> hints = 0;
  Supervisor supervisor({.command = {AUGURFS_BRAIN, "1000000000", "1048576", "1000000000"}},
                        [&](std::span<const Candidate> found) {
                          hints += static_cast<int>(found.size());
                          hints.notify_all();
                        });
  while (supervisor.stats().state != BrainState::kRunning) std::this_thread::yield();
  const Catalog catalog = directory();
  int i = 0;
  // Until the sweep's window is open: from then on each child brings one hint.
  while (i < 40) supervisor.tell(opened(i++), catalog);
  while (hints < 69) std::this_thread::yield();
  for ([[maybe_unused]] auto round : state) {
    const int before = hints;
    supervisor.tell(opened(i++), catalog);
    hints.wait(before);
  }
}
BENCHMARK(event_to_hint)->UseRealTime()->Iterations(kChildren / 2);

}  // namespace
