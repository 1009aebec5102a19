#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>

#include "remote/guarded.h"

namespace augurfs {

// What may be fetched ahead, or was, in a day.
struct PrefetchAmount {
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t bytes = kUnlimited;
  std::uint64_t requests = kUnlimited;

  bool operator==(const PrefetchAmount&) const = default;
};

struct PrefetchBudgetOptions {
  std::filesystem::path file;
  PrefetchAmount per_day;
  std::function<std::chrono::system_clock::time_point()> wall_now = std::chrono::system_clock::now;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

// A hard bound on what prefetching asks of the store: in no 24 hours more than `per_day`, whatever
// restarts and crashes there are in them. Every request for something ahead of need is charged
// before it is made, whoever foresaw it; what a request that fails would have brought stays
// charged. A request that the store has to be asked again counts once.
//
// Time is counted in slots of kSlot, and a slot is over when all of it is a day old. The file says
// what has been spent in each. It is written ahead: it reserves a part of the budget, and what is
// reserved counts as spent by whoever finds it there after a crash. A file that is no such
// file is replaced, with a log line; one that cannot be written forbids prefetching, for the bound
// could not be kept. Only a power cut may cost what was written in the seconds before it: who waits
// for a fetch must not wait for the disk.
// A wall clock that goes back, between two mounts, ages nothing: what was spent at a time still to
// come was spent now.
//
// Thread rule: any thread. charge() writes a small file now and then.
class PrefetchBudget {
 public:
  static constexpr std::chrono::minutes kSlot{5};
  static constexpr std::size_t kSlots = std::chrono::hours{24} / kSlot + 1;  // one has just begun

  explicit PrefetchBudget(PrefetchBudgetOptions options);
  PrefetchBudget(const PrefetchBudget&) = delete;
  PrefetchBudget& operator=(const PrefetchBudget&) = delete;
  ~PrefetchBudget();  // gives back what is reserved and not spent

  // False: it would be too much. Then nothing is charged.
  bool charge(const PrefetchAmount& amount);

  // Whether not even a request for a byte would be granted.
  bool exhausted() const;
  // In the last 24 hours, and up to a slot before.
  PrefetchAmount spent() const;
  const PrefetchAmount& per_day() const { return options_.per_day; }

 private:
  struct Slot {
    std::int64_t number = 0;  // slots since the epoch
    PrefetchAmount spent{0, 0};
  };
  struct State {
    std::array<Slot, kSlots> slots;  // a ring: each number has one place
    PrefetchAmount reserved{0, 0};   // of the newest slot; in the file, and not spent yet
    std::int64_t newest = 0;
    bool failing = false;  // the file could not be written the last time
  };

  std::int64_t slot_now() const;
  // The slot of now, with those that are over forgotten.
  Slot& turn(State& state) const;
  static PrefetchAmount sum(const State& state);
  bool fits(const PrefetchAmount& spent, const PrefetchAmount& more) const;
  void read(State& state) const;
  bool write(State& state, const PrefetchAmount& reserved) const;

  const PrefetchBudgetOptions options_;
  const std::chrono::system_clock::time_point opened_wall_;
  const std::chrono::steady_clock::time_point opened_;
  mutable Guarded<State> state_;
};

}  // namespace augurfs
