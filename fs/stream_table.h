#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "predictor/exclusions.h"
#include "remote/guarded.h"

namespace augurfs {

// Who makes a request, in the kernel's words. The thread is 0 when nobody asked yet (the kernel
// reads ahead) and for a process of a pid namespace that is not ours.
struct Caller {
  std::uint32_t thread = 0;
  std::uint32_t user = 0;
};

// Whose accesses follow each other: a process, from its start, as long as it runs one program.
struct Stream {
  std::uint64_t id = 0;                           // 0: not known
  std::uint64_t program = 0;                      // program_id() of the executable
  std::shared_ptr<const std::string> executable;  // its path; null when not known
  bool excluded = false;                          // its program is one of the excluded
  bool marked = false;                            // its process is below one to be marked
};

// Finds the stream of a request through /proc: thread group, when that started, its executable and
// its user, as one hash. A pid that is used again starts at another time, and so is another stream.
// Who is gone by now, or may not be looked at, has no stream or no program; that is no error.
// Bounded: remembers kThreadsMax threads. Thread rule: any thread; /proc is read outside the lock.
class StreamTable {
 public:
  static constexpr std::size_t kThreadsMax = 1024;
  // Long enough to carry a burst of requests, too short for a pid to come round again.
  static constexpr std::chrono::milliseconds kFreshFor{100};
  using Now = std::function<std::chrono::steady_clock::time_point()>;

  // `exclusions` are borrowed and outlive me; null: none.
  explicit StreamTable(const std::filesystem::path& proc = "/proc",
                       const Exclusions* exclusions = nullptr,
                       Now now = std::chrono::steady_clock::now);

  // Looks now: a process may run another program than a moment ago. Some ten microseconds.
  Stream look(Caller caller);
  // What was seen within kFreshFor, or else as look().
  Stream recall(Caller caller);
  // From now on streams of processes that come from this one are marked: of its children, theirs,
  // and so on, while their parents live or it is who orphans are left to. 0: none are.
  void mark_below(std::uint32_t process);

 private:
  struct Thread {
    std::uint64_t started = 0;  // in clock ticks since the machine did
    std::uint32_t group = 0;
    std::uint64_t group_started = 0;
  };
  struct Entry {
    Thread thread;
    std::uint32_t user = 0;
    std::chrono::steady_clock::time_point seen;
    Stream stream;
  };

  std::optional<Thread> thread(std::uint32_t id, std::uint64_t started,
                               const std::optional<Entry>& known) const;
  std::optional<Entry> known(std::uint32_t thread) const;
  bool is_marked(std::uint32_t process) const;

  const std::string proc_;
  const Exclusions* const exclusions_;
  const Now now_;
  const std::uint64_t boot_;  // so that the streams of one start of the machine are not the next's
  std::atomic<std::uint32_t> mark_below_ = 0;
  Guarded<std::unordered_map<std::uint32_t, Entry>> entries_;
};

}  // namespace augurfs
