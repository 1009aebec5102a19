#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "predictor/expert.h"
#include "remote/object_store.h"
#include "remote/result.h"

namespace augurfs {

// What became of a text of announced reads. The three numbers are all of its records.
struct Announcement {
  std::uint64_t accepted = 0;
  std::uint64_t malformed = 0;
  std::uint64_t no_room = 0;    // the list holds kTextBytesMax already
  std::string first_malformed;  // and what is wrong with it
};

struct ReadingListStats {
  std::uint64_t waiting = 0;  // announced, its turn has not come
  std::uint64_t ahead = 0;    // handed on to be fetched and not read yet
  std::uint64_t ahead_bytes = 0;
  std::uint64_t read = 0;     // read after that
  std::uint64_t passed = 0;   // something later in the list was read
  std::uint64_t unknown = 0;  // no such object, or the store did not say
};

// Reads that a program has announced in the order in which it will do them: a training loader that
// knows its shuffle, a build that knows its sources. They are followed just in time: what is ahead
// of the reader is bounded in bytes and number, and goes on as the reader goes on; reading
// something later in the list passes what lies before it.
//
// A thread of the list's own finds the objects and hands them on; the follower, which is shown the
// events as an expert, says how far the reader is. Thread rule: any thread. The destructor stops
// and joins; the follower may outlive the list.
class ReadingList {
 public:
  static constexpr std::size_t kTextBytesMax = 64U << 20U;
  static constexpr std::size_t kReadsAheadMax = 512;
  static constexpr std::uint64_t kBytesAheadMax = std::uint64_t{256} << 20U;

  // The object's version; nullopt when there is none. May take a round trip.
  using Find =
      std::function<Result<std::optional<Version>>(const std::string& path, std::stop_token stop)>;
  // Has it fetched by nobody waiting for it. Quick.
  using Fetch = std::function<void(const Version& version, ByteRange range)>;
  // Bytes that may be ahead right now; kBytesAheadMax counts as well.
  using Room = std::function<std::uint64_t()>;

  ReadingList();
  ReadingList(const ReadingList&) = delete;
  ReadingList& operator=(const ReadingList&) = delete;
  ~ReadingList();

  // Once: from here on the list is followed.
  void start(Find find, Fetch fetch, Room room);
  // An expert without candidates, which tells the list of what is read.
  std::unique_ptr<Expert> follower();

  // Appends records, each ended by `end`: PATH, or PATH, a tab, OFFSET, a tab, LENGTH. Paths are
  // those of files below the mount point, "a/b" or "./a/b". What is wrong is left out and counted.
  Announcement announce(std::string_view text, char end = '\n');
  // Forgets what is waiting; what is ahead already stays.
  void clear();
  ReadingListStats stats() const;

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace augurfs
