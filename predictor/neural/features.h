#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "predictor/experts/place.h"
#include "remote/object_store.h"

namespace augurfs {

// Rows of the table that features are looked up in. Two features of one row disturb each other a
// little and no more.
inline constexpr std::size_t kFeatureRows = 1 << 15;
static_assert(kFeatureRows <= 1 << 16, "a row has 16 bits");

// A set of features, each named by its row; what is added when it is full is left out.
class FeatureBag {
 public:
  static constexpr std::size_t kMax = 31;

  void add(std::uint64_t hash);
  std::span<const std::uint16_t> rows() const { return {rows_.data(), count_}; }

  bool operator==(const FeatureBag&) const = default;

 private:
  std::array<std::uint16_t, kMax> rows_{};
  std::uint16_t count_ = 0;
};

// What can be said of an object before it is ever read: the directories it lies in, each with its
// depth, its extension, the letters and the number of its name, its size. Files that lie together
// and are named alike share most of it, so that what is learned of one is believed of the others.
FeatureBag features_of(const Version& version);

// Adds where in the object: the chunk by itself, which is what can be learned by heart, and the
// tenth of the object.
void add_place(FeatureBag& bag, const Place& place, std::uint64_t object_bytes,
               std::uint32_t chunk_bytes);

// What a read is seen with, besides its place.
struct ReadContext {
  std::uint64_t program = 0;
  std::chrono::nanoseconds gap{};  // since the stream's read before
  Place before;                    // that read
  Place before_that;
};

void add_context(FeatureBag& bag, const Place& place, const ReadContext& context);

}  // namespace augurfs
