#include "cache/prefetch_budget.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

#include "remote/small_file.h"

namespace augurfs {
namespace {

constexpr const char* kMagic = "augurfs-prefetch-budget-1";
// So many times at most the file is written in a slot, and for so much a crash may count as spent.
constexpr std::uint64_t kReservations = 64;

// After the slots: a file without it has lost its end.
constexpr const char* kEnd = "end";

// A file may say anything.
std::uint64_t sum_of(std::uint64_t a, std::uint64_t b) {
  return b > PrefetchAmount::kUnlimited - a ? PrefetchAmount::kUnlimited : a + b;
}

void add(PrefetchAmount& to, const PrefetchAmount& more) {
  to.bytes = sum_of(to.bytes, more.bytes);
  to.requests = sum_of(to.requests, more.requests);
}

// How much to reserve for `wanted`, of what is left of `allowed`. What is unlimited needs none.
std::uint64_t reservation(std::uint64_t wanted, std::uint64_t allowed, std::uint64_t left) {
  if (allowed == PrefetchAmount::kUnlimited) return 0;
  return std::min(std::max(wanted, allowed / kReservations), left);
}

// What of `wanted` has to be reserved first.
bool lacks(std::uint64_t reserved, std::uint64_t wanted, std::uint64_t allowed) {
  return allowed != PrefetchAmount::kUnlimited && wanted > reserved;
}

}  // namespace

PrefetchBudget::PrefetchBudget(PrefetchBudgetOptions options)
    : options_(std::move(options)), opened_wall_(options_.wall_now()), opened_(options_.now()) {
  auto state = state_.lock();
  read(*state);
  turn(*state);
}

PrefetchBudget::~PrefetchBudget() {
  auto state = state_.lock();
  if (state->reserved != PrefetchAmount{0, 0}) write(*state, {0, 0});
}

bool PrefetchBudget::charge(const PrefetchAmount& amount) {
  auto state = state_.lock();
  Slot& slot = turn(*state);
  const PrefetchAmount spent = sum(*state);
  if (!fits(spent, amount)) return false;
  const PrefetchAmount& all = options_.per_day;
  PrefetchAmount& reserved = state->reserved;
  if (lacks(reserved.bytes, amount.bytes, all.bytes) ||
      lacks(reserved.requests, amount.requests, all.requests)) {
    const PrefetchAmount more{
        reservation(amount.bytes, all.bytes, all.bytes - spent.bytes),
        reservation(amount.requests, all.requests, all.requests - spent.requests)};
    if (!write(*state, more)) return false;
  }
  reserved.bytes -= std::min(amount.bytes, reserved.bytes);
  reserved.requests -= std::min(amount.requests, reserved.requests);
  add(slot.spent, amount);
  return true;
}

bool PrefetchBudget::exhausted() const {
  auto state = state_.lock();
  turn(*state);
  return !fits(sum(*state), {1, 1});
}

PrefetchAmount PrefetchBudget::spent() const {
  auto state = state_.lock();
  turn(*state);
  return sum(*state);
}

// By the steady clock from the start on: whoever sets the wall clock changes no budget.
std::int64_t PrefetchBudget::slot_now() const {
  const auto wall = opened_wall_.time_since_epoch() + (options_.now() - opened_);
  return std::chrono::floor<std::chrono::minutes>(wall) / kSlot;
}

PrefetchBudget::Slot& PrefetchBudget::turn(State& state) const {
  const std::int64_t now = slot_now();
  if (now > state.newest) state.reserved = {0, 0};  // what was not spent in its slot is not spent
  state.newest = now;
  for (Slot& slot : state.slots) {
    if (slot.number + static_cast<std::int64_t>(kSlots) <= now) slot.spent = {0, 0};
  }
  Slot& slot = state.slots[static_cast<std::size_t>(now) % kSlots];
  slot.number = now;
  return slot;
}

PrefetchAmount PrefetchBudget::sum(const State& state) {
  PrefetchAmount total{0, 0};
  for (const Slot& slot : state.slots) add(total, slot.spent);
  return total;
}

bool PrefetchBudget::fits(const PrefetchAmount& spent, const PrefetchAmount& more) const {
  const PrefetchAmount& all = options_.per_day;
  return spent.bytes <= all.bytes && more.bytes <= all.bytes - spent.bytes &&
         spent.requests <= all.requests && more.requests <= all.requests - spent.requests;
}

void PrefetchBudget::read(State& state) const {
  const std::int64_t now = slot_now();
  state.newest = now;
  std::ifstream file(options_.file);
  if (!file) return;
  std::string magic;
  file >> magic;
  std::array<Slot, kSlots> slots;
  Slot read;
  std::size_t count = 0;
  bool right = magic == kMagic;
  while (right && file >> read.number >> read.spent.bytes >> read.spent.requests) {
    right = ++count <= kSlots && read.number >= 0;
    const std::int64_t number = std::min(read.number, now);
    if (!right || number + static_cast<std::int64_t>(kSlots) <= now) continue;
    Slot& slot = slots[static_cast<std::size_t>(number) % kSlots];
    slot.number = number;
    add(slot.spent, read.spent);
  }
  file.clear();
  std::string end;
  file >> end;
  if (right && end == kEnd) {
    state.slots = slots;
  } else {
    spdlog::warn("prefetch.budget_replaced file={:?} reason=\"it is not what was written\"",
                 options_.file.string());
  }
}

bool PrefetchBudget::write(State& state, const PrefetchAmount& reserved) const {
  std::string text = fmt::format("{}\n", kMagic);
  for (const Slot& slot : state.slots) {
    PrefetchAmount spent = slot.spent;
    if (slot.number == state.newest) add(spent, reserved);
    if (spent == PrefetchAmount{0, 0}) continue;
    text += fmt::format("{} {} {}\n", slot.number, spent.bytes, spent.requests);
  }
  text += fmt::format("{}\n", kEnd);
  const auto written = write_small_file(options_.file, text, Sync::kNo);
  if (!written && !state.failing) {
    spdlog::warn("prefetch.budget_not_written reason={:?} message=\"nothing is fetched ahead\"",
                 written.error().message);
  }
  state.failing = !written;
  if (written) state.reserved = reserved;
  return written.has_value();
}

}  // namespace augurfs
