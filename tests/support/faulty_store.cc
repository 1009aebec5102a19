#include "support/faulty_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <utility>

namespace augurfs {
namespace {

// FNV-1a, then the finalizer of splitmix64: well mixed, and the same on every machine.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

std::uint64_t hash(std::uint64_t seed, const std::string& text, std::uint64_t count) {
  std::uint64_t value = 0xcbf29ce484222325 ^ mix(seed);
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return mix(value ^ mix(count));
}

void wait_for_stop(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait(lock, std::move(stop), [] { return false; });
}

}  // namespace

FaultyStore::FaultyStore(ObjectStore& inner, const FaultRates& rates, std::uint64_t seed)
    : inner_(inner), seed_(seed), state_(State{rates, {}, 0}) {}

FaultyStore::~FaultyStore() {
  if (testing::Test::HasFailure()) {
    std::cerr << "FaultyStore: seed " << seed_ << ", " << faults() << " faults\n";
  }
}

void FaultyStore::set_rates(const FaultRates& rates) { state_.lock()->rates = rates; }

std::uint64_t FaultyStore::faults() const { return state_.lock()->faults; }

FaultyStore::Fate FaultyStore::fate(const std::string& asked, bool has_body) {
  auto state = state_.lock();
  const std::uint64_t random = hash(seed_, asked, state->calls[asked]++);
  const FaultRates& rates = state->rates;
  const std::pair<Fault, double> faults[] = {
      {Fault::kUnavailable, rates.unavailable},
      {Fault::kStall, rates.stall},
      {Fault::kShortBody, has_body ? rates.short_body : 0},
      {Fault::kReset, has_body ? rates.reset : 0},
      {Fault::kStale, has_body ? rates.stale : 0},
  };
  double draw = static_cast<double>(random >> 11) * 0x1p-53;  // 53 bits: uniform in [0, 1)
  for (const auto& [fault, rate] : faults) {
    if (draw < rate) {
      ++state->faults;
      return {fault, mix(random)};
    }
    draw -= rate;
  }
  return {};
}

Error FaultyStore::error(Fault fault, const std::string& asked) const {
  const std::string where = "faulty (seed " + std::to_string(seed_) + "): " + asked + ": ";
  switch (fault) {
    case Fault::kShortBody:
      return {ErrorCode::kUnavailable, where + "short body"};
    case Fault::kReset:
      return {ErrorCode::kUnavailable, where + "connection reset"};
    case Fault::kStale:
      return {ErrorCode::kStale, where + "replaced"};
    case Fault::kStall:
      return {ErrorCode::kCancelled, where + "cancelled in a stall"};
    case Fault::kNone:
    case Fault::kUnavailable:
      break;
  }
  return {ErrorCode::kUnavailable, where + "503 SlowDown"};
}

std::optional<Error> FaultyStore::refuse(const std::string& asked, std::stop_token stop) {
  const Fate met = fate(asked, false);
  if (met.fault == Fault::kNone) return std::nullopt;
  if (met.fault == Fault::kStall) wait_for_stop(std::move(stop));
  return error(met.fault, asked);
}

Result<ObjectInfo> FaultyStore::head(const std::string& key, std::stop_token stop) {
  if (auto refused = refuse("head '" + key + "'", stop)) return *refused;
  return inner_.head(key, stop);
}

Result<ListPage> FaultyStore::list(const ListRequest& request, std::stop_token stop) {
  const std::string asked = "list '" + request.prefix + "' after '" + request.start_after +
                            "' from '" + request.continuation + "'";
  if (auto refused = refuse(asked, stop)) return *refused;
  return inner_.list(request, stop);
}

Result<void> FaultyStore::get(const Version& version, ByteRange range, const ByteSink& sink,
                              std::stop_token stop) {
  const std::string asked = "get '" + version.key + "' at " + std::to_string(range.offset);
  const Fate met = fate(asked, true);
  if (met.fault == Fault::kNone) return inner_.get(version, range, sink, stop);
  if (met.fault == Fault::kUnavailable) return error(met.fault, asked);

  constexpr std::uint64_t kMissingBytesMax = 16;
  std::uint64_t left = met.random % (range.length + 1);
  if (met.fault == Fault::kShortBody) {
    const std::uint64_t missing = 1 + met.random % kMissingBytesMax;
    left = range.length - std::min(missing, range.length);
  }
  if (left > 0) {
    auto result = inner_.get(version, {range.offset, left}, sink, stop);
    if (!result) return result;
  }
  if (met.fault == Fault::kStall) wait_for_stop(std::move(stop));
  return error(met.fault, asked);
}

}  // namespace augurfs
