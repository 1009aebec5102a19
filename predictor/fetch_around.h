#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>
#include <vector>

#include "predictor/expert.h"

namespace augurfs {

// What comes over a link in one round trip, and so may be fetched with what was asked for at no
// more than twice its time; 0 when the link is not quick, and a byte is better left where it is.
std::uint64_t bytes_of_round_trip(std::chrono::nanoseconds to_first_byte,
                                  std::chrono::nanoseconds per_mib);

struct FetchAroundOptions {
  // bytes_of_round_trip() right now; 0: nothing is fetched.
  std::function<std::uint64_t()> around_bytes = [] { return std::uint64_t{0}; };
  // Larger objects are left alone: what was fetched would be evicted before the reader comes to it.
  std::function<std::uint64_t()> object_bytes_max = [] { return std::uint64_t{1} << 30U; };
};

// Fetches around the misses of who reads a large object in no order, so that a place is there when
// the reader comes to it.
//
// Begins with the fourth read that missed and did not go on from one before. Each further one
// fetches what comes in a round trip, from its own place on, so that its own bytes come first;
// where that meets what is there already, the rest before it. After each read that found what was
// fetched so it is twice as much. When none does after kTrialBytes nothing more is fetched, and
// each that does is worth four round trips' bytes: a reader of a few places of a huge object costs
// little, and of an object that is read densely all is there soon. An object that is not read for a
// while begins anew. Its candidates are readahead's: fetched ahead within one object.
class FetchAround : public Expert {
 public:
  static constexpr std::uint64_t kObjectBytesMin = 1 << 20;  // smaller ones are fetched whole
  static constexpr std::uint64_t kTrialBytes = 32 << 20;
  static constexpr std::uint64_t kAroundBytesMax = 32 << 20;
  static constexpr std::uint64_t kMissesToBegin = 4;
  static constexpr std::chrono::seconds kForgottenAfter{10};
  static constexpr std::size_t kObjectsMax =
      64;  // remembered; the least recently read is forgotten

  explicit FetchAround(FetchAroundOptions options) : options_(std::move(options)) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  // Of what was asked for is remembered which of so many bytes.
  static constexpr std::uint64_t kPieceBytes = 256 << 10;

  struct Object {
    ObjectId id{};
    std::uint64_t size_bytes = 0;
    std::chrono::steady_clock::time_point last_read;
    std::array<std::uint64_t, 4> ends{};  // of the last reads
    std::size_t oldest_end = 0;
    std::uint64_t misses = 0;
    std::uint64_t found = 0;        // reads of what was fetched around others
    std::uint64_t asked_bytes = 0;  // fetched so
    std::vector<bool> asked;        // by piece

    bool goes_on(const ByteRange& range);
    bool was_asked(std::uint64_t offset) const;
  };
  using Objects = std::list<Object>;  // most recently read first

  Object& object(const Event& event);
  void ask(Object& object, const Event& event, std::uint64_t bytes,
           std::vector<Candidate>& candidates);

  const FetchAroundOptions options_;
  Objects objects_;
  std::unordered_map<ObjectId, Objects::iterator> by_id_;
};

}  // namespace augurfs
