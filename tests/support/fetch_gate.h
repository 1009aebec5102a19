#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "remote/guarded.h"
#include "remote/object_store.h"

namespace augurfs {

// A store whose calls wait until the test lets them go on, so that races are tested without
// sleeping. Open to begin with.
//
//   gate.hold_gets_at(100);                  // each get delivers 100 bytes, then waits
//   std::jthread reader(...);
//   ASSERT_TRUE(gate.wait_until_held(FetchGate::kGet));
//   ... look at what 100 bytes made of the world ...
//   gate.open();
//
// A held call whose stop token fires ends with kCancelled. Thread rule: any thread. The store
// behind it is borrowed; open the gate before joining threads that wait in it.
class FetchGate : public ObjectStore {
 public:
  enum Operation { kHead, kList, kGet };
  struct Counts {
    std::uint64_t calls = 0;  // begun
    std::uint64_t held = 0;   // waiting right now
    std::uint64_t ended = 0;
  };
  struct Get {
    Version version;
    ByteRange range;
  };

  explicit FetchGate(ObjectStore& inner) : inner_(inner) {}

  // From now on a head or list is held before it reaches the store. An empty `key` means all of
  // them; a list is known by its prefix.
  void hold(Operation operation, const std::string& key = "");
  // From now on a get is held once it has delivered `bytes` bytes, at 0 before it reaches the
  // store, at the length of its range before it returns. A call that is held already goes on to
  // the new limit, and no longer counts as held.
  void hold_gets_at(std::uint64_t bytes, const std::string& key = "");
  // Lets every call go on to its end.
  void open();
  // Ends the calls that are held right now with `error`; later ones are held as before.
  void fail_held(Operation operation, const Error& error);

  Counts counts(Operation operation) const;
  // Every get so far, in the order of their calls.
  std::vector<Get> gets() const;

  // Wait until it is so; false, for ASSERT_TRUE, when it is not within kPatience.
  bool wait_until(Operation operation, const std::function<bool(const Counts&)>& is_so);
  bool wait_until_held(Operation operation, std::uint64_t calls = 1);

  Result<ObjectInfo> head(const std::string& key, std::stop_token stop) override;
  Result<ListPage> list(const ListRequest& request, std::stop_token stop) override;
  Result<void> get(const Version& version, ByteRange range, const ByteSink& sink,
                   std::stop_token stop) override;
  std::string identity() const override { return inner_.identity(); }
  StoreStats stats() const override { return inner_.stats(); }

 private:
  static constexpr std::chrono::seconds kPatience{30};  // ends a test that would hang
  static constexpr std::uint64_t kOpen = std::numeric_limits<std::uint64_t>::max();

  // How many bytes a call may deliver; heads and lists know only 0 and kOpen.
  struct Limits {
    std::uint64_t all = kOpen;
    std::map<std::string, std::uint64_t> keys;  // before `all`

    std::uint64_t of(const std::string& key) const;
  };
  class Call;
  struct OperationState {
    Limits limits;
    std::uint64_t calls = 0;
    std::uint64_t ended = 0;
    std::vector<Call*> waiting;

    Counts counts() const;
  };
  struct State {
    std::array<OperationState, 3> operations;
    std::vector<Get> gets;
  };

  ObjectStore& inner_;
  std::condition_variable_any changed_;
  Guarded<State> state_;
};

}  // namespace augurfs
