#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

// How likely a call is to meet each fault, 0..1. Their sum is at most 1: a call meets one.
struct FaultRates {
  double unavailable = 0;  // kUnavailable before the first byte, as a 503 that outlived its retries
  double short_body = 0;   // a get that ends with kUnavailable a few bytes before its end
  double reset = 0;        // a get that ends with kUnavailable anywhere
  double stale = 0;        // a get that ends with kStale anywhere; the object has not changed
  double stall = 0;        // no answer, in a get from any byte on, until the stop token fires
};

// A store that errs at random but never lies: what it delivers are the right bytes. What the n-th
// call for the same thing meets is a function of seed, operation, key, offset and n alone, so that
// a seed repeats its run as far as threads allow. Prints the seed when a test has failed.
// Thread rule: any thread.
class FaultyStore : public ObjectStore {
 public:
  FaultyStore(ObjectStore& inner, const FaultRates& rates, std::uint64_t seed);
  FaultyStore(const FaultyStore&) = delete;
  FaultyStore& operator=(const FaultyStore&) = delete;
  ~FaultyStore() override;

  std::uint64_t seed() const { return seed_; }
  // From the next call on. `{}` ends the trouble.
  void set_rates(const FaultRates& rates);
  // Faults so far.
  std::uint64_t faults() const;

  Result<ObjectInfo> head(const std::string& key, std::stop_token stop) override;
  Result<ListPage> list(const ListRequest& request, std::stop_token stop) override;
  Result<void> get(const Version& version, ByteRange range, const ByteSink& sink,
                   std::stop_token stop) override;
  std::string identity() const override { return inner_.identity(); }
  StoreStats stats() const override { return inner_.stats(); }

 private:
  enum class Fault { kNone, kUnavailable, kShortBody, kReset, kStale, kStall };
  struct Fate {
    Fault fault = Fault::kNone;
    std::uint64_t random = 0;  // says where in the body
  };
  struct State {
    FaultRates rates;
    std::map<std::string, std::uint64_t> calls;  // by what was asked
    std::uint64_t faults = 0;
  };

  // What meets the next call for `asked`. A call without a body knows only the first and the last.
  Fate fate(const std::string& asked, bool has_body);
  std::optional<Error> refuse(const std::string& asked, std::stop_token stop);
  Error error(Fault fault, const std::string& asked) const;

  ObjectStore& inner_;
  const std::uint64_t seed_;
  Guarded<State> state_;
};

}  // namespace augurfs
