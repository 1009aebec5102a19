// A brain that does not behave, or behaves simply: fake_brain MODE, with the socket of a brain.

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>

#include "predictor/brain/brain_process.h"
#include "predictor/brain/protocol.h"

namespace augurfs {
namespace {

void say(const PacketSocket& socket, const std::string& packet) { socket.send(packet, true); }

// Never reads; ends when the daemon hangs up.
void wait_for_the_end(const PacketSocket& socket) {
  pollfd ended{socket.fd(), 0, 0};
  ::poll(&ended, 1, -1);
}

// Hints at whatever an event is about, and answers pings.
void echo(const PacketSocket& socket) {
  while (true) {
    const auto packet = socket.receive(true);
    if (!packet || !*packet || (*packet)->empty()) return;
    const auto records = decode_for_brain(**packet);
    if (!records) return;
    for (const DaemonRecord& record : *records) {
      if (const auto* event = std::get_if<Event>(&record)) {
        say(socket, encode(BrainRecord(Candidate{.object = event->object, .range = event->range})));
      } else if (const auto* ping = std::get_if<BrainPing>(&record)) {
        say(socket, encode(BrainRecord(BrainPong{ping->number, 0})));
      }
    }
  }
}

// What it has of the daemon beside the socket: "" when that is nothing.
std::string inheritance() {
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    std::error_code error;
    const auto target = std::filesystem::read_symlink(entry.path(), error).string();
    if (fd > kBrainSocketFd && target.find("/proc/") == std::string::npos && !error) {
      found += " " + target;
    }
  }
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (text.find("SAN_OPTIONS=") == std::string_view::npos) found += " " + std::string(text);
  }
  return found;
}

int run(std::string_view mode) {
  const PacketSocket socket{UniqueFd(kBrainSocketFd)};
  if (mode == "exit") {
    std::fputs("first words\nlast words\n", stderr);
    return 7;
  }
  if (mode == "inheritance") {
    std::fprintf(stderr, "inherited:%s\n", inheritance().c_str());
    return 7;
  }
  if (mode == "version") say(socket, encode(BrainRecord(BrainHello{kProtocolVersion + 1})));
  if (mode == "hasty") say(socket, encode(BrainRecord(BrainPong{1, 0})));
  if (mode != "silent" && mode != "version") say(socket, encode(BrainRecord(BrainHello{})));
  if (mode == "twice") say(socket, encode(BrainRecord(BrainHello{})));
  if (mode == "unasked") say(socket, encode(BrainRecord(BrainPong{1, 0})));
  if (mode == "oversize") say(socket, std::string(2 * kPacketBytesMax, '\0'));
  if (mode == "garbage") {
    std::mt19937 random(1);
    std::string bytes(kPacketBytesMax, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    say(socket, bytes);
  }
  if (mode == "echo") echo(socket);
  if (mode == "flood") {
    const std::string hint =
        encode(BrainRecord(Candidate{.object = object_id("object"), .range = {0, 1}}));
    std::string packet;
    while (packet.size() + hint.size() <= kPacketBytesMax) packet += hint;
    while (socket.send(packet, true) != PacketSocket::Sent::kClosed) {
    }
  }
  wait_for_the_end(socket);
  return 0;
}

}  // namespace
}  // namespace augurfs

int main(int count, char** arguments) {
  ::_exit(augurfs::run(count > 1 ? arguments[1] : "silent"));
}
