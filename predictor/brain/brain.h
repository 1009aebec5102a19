#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/brain/packet_socket.h"
#include "predictor/brain/protocol.h"
#include "predictor/catalog.h"
#include "predictor/policies.h"
#include "remote/result.h"

namespace augurfs {

// The far end of the socket, in the process of its own: keeps a catalog of what it is told, shows
// the events to a policy and sends what that thinks as hints. A hint is never waited for: when the
// socket is full it is dropped and counted, as by then it would be late. An answer is waited for;
// the daemon never waits for us. Thread rule: one thread.
class Brain {
 public:
  // `model`: what there is to say of a neural model, when one is wanted.
  Brain(PacketSocket socket, BrainPolicy policy, std::optional<ModelNews> model = std::nullopt);

  // Until the daemon hangs up. kCorrupt when what it says makes no sense, kInvalid when it speaks
  // another version.
  Result<void> run();

 private:
  Result<void> hear(std::string_view packet);
  Result<void> take(const BrainHello& hello);
  Result<void> take(const BrainPing& ping);
  Result<void> take(const ObjectNews& object);
  Result<void> take(ListingNews& piece);
  Result<void> take(const Event& event);
  void tell_of_model();
  void hint(const Candidate& candidate);
  void send_hints();

  const PacketSocket socket_;
  const BrainPolicy policy_;
  std::optional<ModelNews> model_;
  Catalog catalog_;
  std::vector<ObjectInfo> listing_;  // its pieces so far
  std::vector<std::string> subdirectories_;
  std::vector<Candidate> candidates_;
  std::string hints_;  // encoded, not sent yet
  std::uint64_t hints_count_ = 0;
  std::uint64_t hints_dropped_ = 0;
  bool greeted_ = false;
};

}  // namespace augurfs
