#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "predictor/brain/supervisor.h"
#include "predictor/neural/load_trainer.h"
#include "predictor/policies.h"

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

// What three programs do, in turns: one copies the directory, one reads 500 of its files again and
// again in an order of its own, one reads here and there in a large file. Each file is opened and
// read, and every other read has to wait.
std::vector<Event> busy_mount(int accesses) {
  constexpr std::uint64_t kLargeBytes = std::uint64_t{8} << 30;
  std::vector<Event> events;
  std::mt19937_64 random(1);
  for (int i = 0; i < accesses; ++i) {
    const int program = i % 3;
    Event event = opened(program == 0 ? i / 3 : (i / 3 % 500) * 7919);
    event.time = std::chrono::steady_clock::time_point(std::chrono::milliseconds(2) * i);
    event.stream = event.program = event.handle = static_cast<std::uint64_t>(program) + 1;
    event.object_bytes = 4096;
    event.range = {0, event.object_bytes};
    if (program == 2) {
      event.object = object_id("large");
      event.object_bytes = kLargeBytes;
      event.range = {random() % kLargeBytes, 128 << 10};
    } else {
      events.push_back(event);
    }
    event.operation = augurfs::Operation::kRead;
    event.hit = i % 2 == 0;
    events.push_back(event);
    if (event.hit) continue;
    event.operation = augurfs::Operation::kServed;
    event.latency = std::chrono::milliseconds(80);
    events.push_back(event);
  }
  return events;
}

// What the brain thinks about an event, beside its mean the time that one in a hundred exceeds.
void think_with(benchmark::State& state, std::unique_ptr<augurfs::Learner> learner) {
  const auto policy =
      augurfs::make_brain_policy({.cache_bytes = std::uint64_t{10} << 30}, std::move(learner));
  Catalog catalog = directory();
  catalog.see({"large", "", std::uint64_t{8} << 30});
  const std::vector<Event> events = busy_mount(100'000);
  std::vector<Candidate> candidates;
  std::vector<double> took_us;
  took_us.reserve(events.size());
  for ([[maybe_unused]] auto round : state) {
    for (const Event& event : events) {
      candidates.clear();
      const auto began = std::chrono::steady_clock::now();
      policy.expert->observe(event, catalog, candidates);
      const std::chrono::duration<double, std::micro> took =
          std::chrono::steady_clock::now() - began;
      took_us.push_back(took.count());
    }
  }
  const auto quantile = [&](std::size_t percent) {
    const auto at = took_us.begin() + static_cast<std::ptrdiff_t>(took_us.size() * percent / 100);
    std::nth_element(took_us.begin(), at, took_us.end());
    return *at;
  };
  state.SetItemsProcessed(static_cast<std::int64_t>(took_us.size()));
  state.counters["p50_us"] = quantile(50);
  state.counters["p99_us"] = quantile(99);
}

void think(benchmark::State& state) { think_with(state, nullptr); }
BENCHMARK(think)->Iterations(1)->Unit(benchmark::kMillisecond);

// The same with a neural model that learns beside it.
void think_with_model(benchmark::State& state) {
  auto trainer = augurfs::load_trainer();
  if (!trainer) return state.SkipWithError(trainer.error().message.c_str());
  think_with(state, std::make_unique<augurfs::Learner>(
                        augurfs::LearnerOptions{.in_background = true}, std::move(*trainer)));
}
BENCHMARK(think_with_model)->Iterations(1)->Unit(benchmark::kMillisecond);

// What a hundred events a second cost a process that has a model, thread and all, as a share of a
// core; and how much of its memory is resident.
void live_with_model(benchmark::State& state) {
  constexpr std::size_t kEvents = 3000;
  constexpr std::chrono::milliseconds kPause{10};
  auto trainer = augurfs::load_trainer();
  if (!trainer) return state.SkipWithError(trainer.error().message.c_str());
  const auto policy = augurfs::make_brain_policy(
      {.cache_bytes = std::uint64_t{10} << 30},
      std::make_unique<augurfs::Learner>(augurfs::LearnerOptions{.in_background = true},
                                         std::move(*trainer)));
  Catalog catalog = directory();
  catalog.see({"large", "", std::uint64_t{8} << 30});
  const std::vector<Event> events = busy_mount(kEvents);
  std::vector<Candidate> candidates;
  const auto processor_s = [] {
    return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
  };
  double thought_s = 0;
  for ([[maybe_unused]] auto round : state) {
    const auto began = std::chrono::steady_clock::now();
    const double before = processor_s();
    auto next = began;
    for (const Event& event : events) {
      candidates.clear();
      const auto start = std::chrono::steady_clock::now();
      policy.expert->observe(event, catalog, candidates);
      thought_s += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      std::this_thread::sleep_until(next += kPause);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    state.counters["core_share"] = (processor_s() - before) / took.count();
    state.counters["thinking_share"] = thought_s / took.count();
  }
  state.counters["steps"] = static_cast<double>(policy.hedge->neural()->learner().stats().steps);
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:"))
      state.counters["resident_mb"] = std::stod(line.substr(6)) / 1024;
  }
}
BENCHMARK(live_with_model)->Iterations(1)->Unit(benchmark::kMillisecond);

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
