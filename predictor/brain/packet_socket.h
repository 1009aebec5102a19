#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "remote/result.h"
#include "remote/unique_fd.h"

namespace augurfs {

// One end of a SOCK_SEQPACKET pair: packets of at most kPacketBytesMax, whole or not at all.
// Thread rule: one thread may send while another receives.
class PacketSocket {
 public:
  enum class Sent : std::uint8_t { kYes, kFull, kClosed };

  explicit PacketSocket(UniqueFd socket) : socket_(std::move(socket)) {}

  // Two ends that no program started from here inherits.
  static Result<std::pair<PacketSocket, PacketSocket>> pair();

  int fd() const { return socket_.get(); }
  // kFull only when `wait` is false.
  Sent send(std::string_view packet, bool wait) const;
  // The next packet; "" when the other end is closed; nullopt when there is none and `wait` is
  // false. kCorrupt for a packet that is too long.
  Result<std::optional<std::string>> receive(bool wait) const;

 private:
  UniqueFd socket_;
};

}  // namespace augurfs
