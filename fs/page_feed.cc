#include "fs/page_feed.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <utility>

namespace augurfs {
namespace {

// Of which the kernel says that it can be had without swapping; 0 when it does not say.
std::uint64_t available_memory() {
  constexpr std::uint64_t kKib = 1024;
  std::ifstream facts("/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  while (facts >> name >> kib) {
    if (name == "MemAvailable:") return kib * kKib;
    facts.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

}  // namespace

PageFeed::PageFeed(PageFeedOptions options, FileSystem& files, ChunkReader& reader, Store store)
    : options_(std::move(options)), files_(files), reader_(reader), store_(std::move(store)) {
  if (!options_.own_thread) return;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (const auto landed = reader_.landings().wait(stop)) consider(*landed);
  });
}

void PageFeed::step() {
  while (const auto landed = reader_.landings().take()) consider(*landed);
}

void PageFeed::consider(const Version& version) {
  if (!reader_.cached(version, {0, version.size})) return;  // the rest of it is on its way
  const auto inode = files_.storable(version);
  if (!inode) {
    count(&PageFeedStats::not_needed);
  } else if (!has_room(version.size)) {
    count(&PageFeedStats::no_room);
  } else if (give(*inode, version)) {
    unopened_.push_back({*inode, version.size, options_.now()});
    unopened_bytes_ += version.size;
    count(&PageFeedStats::stored);
    count(&PageFeedStats::stored_bytes, version.size);
  }
}

// The bytes are read before opens of the file have to wait.
bool PageFeed::give(InodeNumber inode, const Version& version) {
  buffer_.resize(static_cast<std::size_t>(version.size));
  if (!reader_.peek(version, buffer_)) {
    count(&PageFeedStats::failed);
    return false;
  }
  if (!files_.begin_store(inode)) {
    count(&PageFeedStats::not_needed);
    return false;
  }
  const auto stored = store_(inode, buffer_);
  files_.end_store(inode, bool{stored});
  if (!stored) count(&PageFeedStats::failed);
  return bool{stored};
}

bool PageFeed::has_room(std::uint64_t bytes) {
  // Who is full asks again with each file that lands.
  constexpr std::chrono::milliseconds kLookAgain{20};
  const Clock::time_point now = options_.now();
  const std::uint64_t most = bytes_max(now);
  const auto fits = [&] {
    return unopened_.size() < kUnopenedMax && unopened_bytes_ + bytes <= most;
  };
  if (fits()) return true;
  if (now < look_) return false;
  look_ = now + kLookAgain;
  std::erase_if(unopened_, [&](const Unopened& one) {
    if (now < one.since + kUnopenedFor && files_.awaits_open(one.inode)) return false;
    unopened_bytes_ -= one.bytes;
    return true;
  });
  return fits();
}

std::uint64_t PageFeed::bytes_max(Clock::time_point now) {
  constexpr std::chrono::seconds kRenewal{1};
  if (now >= renew_) {
    const std::uint64_t available = options_.available ? options_.available() : available_memory();
    bytes_max_ = std::min(options_.unopened_bytes_max, available / kMemoryShare);
    renew_ = now + kRenewal;
  }
  return bytes_max_;
}

void PageFeed::count(std::uint64_t PageFeedStats::*figure, std::uint64_t by) {
  (*stats_.lock()).*figure += by;
}

}  // namespace augurfs
