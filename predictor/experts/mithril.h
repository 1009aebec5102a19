#pragma once

#include <array>
#include <vector>

#include "predictor/experts/place.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct MithrilOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::size_t records_max = 1 << 16;       // places whose accesses are noted, some 110 bytes each
  std::size_t associations_max = 1 << 16;  // places with associates, some 80 bytes each
  std::size_t rows_max = 512;              // places that are mined together
  std::uint64_t look_ahead = 20;           // accesses between associates
};

// Sporadic associations: J. Yang, R. Karimi, T. Sæmundsson, A. Wildani, Y. Vigfusson, MITHRIL:
// mining sporadic associations for cache prefetching, SoCC 2017. Places that were accessed as often
// as each other, a few times each, and every time within a short distance, belong together, however
// long ago the times before were.
class Mithril : public Expert {
 public:
  explicit Mithril(const MithrilOptions& options)
      : options_(options), records_(options.records_max), associates_(options.associations_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  // Fewer accesses are chance; a place with more is frequent and needs no such help.
  static constexpr std::size_t kSupportMin = 2;
  static constexpr std::size_t kSupportMax = 8;
  static constexpr std::size_t kAssociates = 2;

  struct Record {
    Place place;
    std::array<std::uint64_t, kSupportMax> times{};  // numbers of accesses
    std::size_t count = 0;
  };
  struct Associates {
    std::array<Place, kAssociates> places{};
    std::size_t next = 0;
  };

  void note(const Place& place);
  void mine();
  bool associated(const Record& a, const Record& b) const;

  const MithrilOptions options_;
  RecencyTable<Record> records_;
  RecencyTable<Associates> associates_;
  std::vector<std::uint64_t> rows_;  // keys of records with enough support
  std::uint64_t accesses_ = 0;
};

}  // namespace augurfs
