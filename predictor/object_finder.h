#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "predictor/expert.h"
#include "remote/guarded.h"
#include "remote/object_store.h"
#include "remote/result.h"

namespace augurfs {

// The object's version; nullopt when there is none. May take a round trip.
using FindObject =
    std::function<Result<std::optional<Version>>(const std::string& key, std::stop_token stop)>;

struct ObjectFinderStats {
  std::uint64_t found = 0;
  std::uint64_t not_found = 0;  // no such object any more, or the store did not say
};

// Asks the store, several questions at once, for objects that a candidate is about and of which
// only the key is known. What it learns on the way, the listing of their directory, is there when
// a program looks the object up.
//
// Thread rule: any thread; ask() does not wait. `found` is called on threads of the finder's own.
// The destructor stops and joins.
class ObjectFinder {
 public:
  static constexpr std::size_t kQuestionsAtOnce = 4;
  static constexpr std::size_t kWaitingMax = 4096;

  using Found = std::function<void(const Version& version, const Candidate& candidate)>;

  ObjectFinder(FindObject find, Found found);
  ObjectFinder(const ObjectFinder&) = delete;
  ObjectFinder& operator=(const ObjectFinder&) = delete;
  ~ObjectFinder();

  // False when too many questions wait already.
  bool ask(std::string key, const Candidate& candidate);
  ObjectFinderStats stats() const;

 private:
  struct Question {
    std::string key;
    Candidate candidate;
  };
  struct State {
    std::deque<Question> waiting;
    ObjectFinderStats stats;
  };

  void run(const std::stop_token& stop);

  const FindObject find_;
  const Found found_;
  Guarded<State> state_;
  std::condition_variable_any asked_;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace augurfs
