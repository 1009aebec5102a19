#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "predictor/event.h"
#include "predictor/expert.h"
#include "remote/result.h"

namespace augurfs {

// What the daemon and the brain say to each other: packets on a socket pair (SOCK_SEQPACKET) of one
// or more records. The daemon sends events, and before the first that needs it what their ids stand
// for; the brain sends hints. Both ends are of one machine: numbers are in its own byte order.
//
// Packets of the brain are not believed: it parses names that strangers chose. Decoding anything
// yields records or an error, in memory bounded by the packet's.

inline constexpr std::uint32_t kProtocolVersion = 4;
// Fits many times into the usual buffer of a socket (208 KiB).
inline constexpr std::size_t kPacketBytesMax = 32 << 10;
// Objects with longer keys are not told. S3 allows 1024 bytes, a file system 4095.
inline constexpr std::size_t kToldKeyBytesMax = 4096;
inline constexpr std::size_t kModelNoteBytesMax = 300;

// The first record of each end. Its layout is for ever, so that any two versions know each other.
struct BrainHello {
  std::uint32_t version = kProtocolVersion;
};

// Is answered by a pong of the same number, in turn with what was sent before it.
struct BrainPing {
  std::uint64_t number = 0;
};
struct BrainPong {
  std::uint64_t number = 0;
  std::uint64_t hints_dropped = 0;  // since its start, for want of room in the socket
};

// How the brain's neural model does; said at the start and with each pong when one is wanted.
struct ModelNews {
  bool learns = false;        // or does not, and the note says why
  bool votes = false;         // it has earned that
  std::uint64_t steps = 0;    // with those of earlier brains that it goes on from
  std::uint64_t resumed = 0;  // those
  std::uint64_t rolled_back = 0;
  std::uint64_t saves_failed = 0;
  float loss = 0;    // smoothed; 0 before the first step
  std::string note;  // what went wrong; "" when nothing did

  bool operator==(const ModelNews&) const = default;
};

// The object has this size now. Experts know no etags.
struct ObjectNews {
  std::string key;
  std::uint64_t bytes = 0;
};

// A piece of the listing of a directory: its children in their order, and its subdirectories, whose
// names end in "/", in theirs.
struct ListingNews {
  struct Child {
    std::string name;  // behind the prefix
    std::uint64_t bytes = 0;
  };
  std::string prefix;
  std::vector<Child> children;
  bool last = true;  // the pieces so far are all
};

using DaemonRecord = std::variant<BrainHello, BrainPing, ObjectNews, ListingNews, Event>;
using BrainRecord = std::variant<BrainHello, BrainPong, Candidate, ModelNews>;

// One record; a packet is as many of them in a row as kPacketBytesMax holds.
std::string encode(const DaemonRecord& record);
std::string encode(const BrainRecord& record);
// Bytes that a child adds to the record of its listing.
std::size_t encoded_bytes(const ListingNews::Child& child);

// kCorrupt, saying what is wrong, unless the packet is nothing but such records.
Result<std::vector<DaemonRecord>> decode_for_brain(std::string_view packet);
Result<std::vector<BrainRecord>> decode_for_daemon(std::string_view packet);

}  // namespace augurfs
