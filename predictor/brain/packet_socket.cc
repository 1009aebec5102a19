#include "predictor/brain/packet_socket.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "predictor/brain/protocol.h"

namespace augurfs {

Result<std::pair<PacketSocket, PacketSocket>> PacketSocket::pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Error{ErrorCode::kUnavailable, "socketpair: " + std::generic_category().message(errno)};
  }
  return std::pair{PacketSocket(UniqueFd(ends[0])), PacketSocket(UniqueFd(ends[1]))};
}

PacketSocket::Sent PacketSocket::send(std::string_view packet, bool wait) const {
  while (true) {
    const ssize_t sent = ::send(socket_.get(), packet.data(), packet.size(),
                                MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    if (sent >= 0) return Sent::kYes;
    if (errno == EINTR) continue;
    const bool full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
    return full ? Sent::kFull : Sent::kClosed;
  }
}

Result<std::optional<std::string>> PacketSocket::receive(bool wait) const {
  std::string packet(kPacketBytesMax, '\0');
  while (true) {
    // With MSG_TRUNC it says how long the packet was, not how much of it there was room for.
    const ssize_t size =
        ::recv(socket_.get(), packet.data(), packet.size(), MSG_TRUNC | (wait ? 0 : MSG_DONTWAIT));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<std::string>();
    // Whatever else is wrong with a socket pair, it is that the other end is gone.
    if (size <= 0) return std::optional<std::string>("");
    if (static_cast<std::size_t>(size) > packet.size()) {
      return Error{ErrorCode::kCorrupt, "a packet of " + std::to_string(size) + " bytes"};
    }
    packet.resize(static_cast<std::size_t>(size));
    return std::optional<std::string>(std::move(packet));
  }
}

}  // namespace augurfs
