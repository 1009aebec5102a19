#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/brain/protocol.h"
#include "predictor/catalog.h"
#include "predictor/event.h"
#include "predictor/expert.h"
#include "predictor/recollection.h"

namespace augurfs {

enum class BrainState : std::uint8_t {
  kOff,       // not wanted
  kStarting,  // has not said hello yet
  kRunning,
  kWaiting,  // has ended and will be started again
  kAbsent,   // there is no such program; looked for again now and then
};

// "off", "starting", ...
std::string_view brain_state_name(BrainState state);

struct BrainStats {
  BrainState state = BrainState::kOff;
  std::string reason;  // why it does not run, or why the one before ended; "" when none did
  pid_t process = 0;   // 0 when there is none
  std::uint64_t restarts = 0;
  std::uint64_t events_sent = 0;
  std::uint64_t events_dropped = 0;  // nobody there, or it did not keep up
  std::uint64_t hints_received = 0;
  std::uint64_t hints_dropped = 0;  // by the brain, as we did not keep up
  std::optional<ModelNews> model;   // of a neural model, as the brain says; nothing when it has not
};

struct SupervisorOptions {
  std::vector<std::string> command;                  // the program and its arguments
  Recollection* past = nullptr;                      // borrowed; null: it begins knowing nothing
  bool wanted = true;                                // until want() says otherwise
  std::size_t outbox_bytes_max = 8 << 20;            // the listing of an event may go beyond
  std::chrono::milliseconds restart_after_min{200};  // doubles with each failure
  std::chrono::milliseconds restart_after_max{60'000};
  std::chrono::milliseconds ping_every{5'000};
  std::chrono::milliseconds answer_within{30'000};  // niced, on a machine that is busy
  std::uint64_t records_per_second_max = 200'000;   // of the brain; for a second twice as many
};

// Starts the brain, speaks with it, and starts another when it ends, hangs, floods or says what
// makes no sense; later after each failure. Nothing of it can stop the daemon, and nothing of it
// is believed but that it is a guess.
//
// Thread rule: tell() from one thread, the rest from any. tell() puts bytes into a bounded queue
// and never waits; when that is full, or nobody is there, the event is dropped and counted. Hints
// are handed out on a thread of the supervisor's own, which also starts, hears and ends the brain.
// The destructor ends both.
class Supervisor {
 public:
  using HintSink = std::function<void(std::span<const Candidate>)>;

  Supervisor(SupervisorOptions options, HintSink hints);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  // An event, with what `catalog` knows of its object if the brain has not been told.
  void tell(const Event& event, const Catalog& catalog);
  // One that is not wanted ends and is not started again until it is.
  void want(bool wanted);
  // Ends the brain, which knows too much, and starts one that does not.
  void begin_anew();
  BrainStats stats() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace augurfs
