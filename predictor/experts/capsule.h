#pragma once

#include <vector>

#include "predictor/experts/place.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

struct CapsuleOptions {
  std::uint32_t chunk_bytes = 1 << 20;
  std::size_t clusters_max = 1 << 14;
  std::size_t members_max = 256;     // of a cluster: 8 bytes each
  std::size_t places_max = 1 << 16;  // whose usefulness is remembered
};

// Neighbourhoods of adaptive width: CAPSULE: a storage prefetcher harnessing spatio-temporal
// locality for cloud-scale workloads, SIGMETRICS 2026, after its artifact imagesid/capsule. Chunks
// of an object that missed belong to the cluster of their neighbourhood, and whoever reads one of
// them is likely to want the others. How wide a neighbourhood is, a sample of the accesses says,
// now and then. A chunk that was asked for three times and never read is not asked for again.
//
// Here an address is one within an object, and the cluster that is forgotten is the one least
// recently used; there, one of a disk, and the least frequently used.
class Capsule : public Expert {
 public:
  explicit Capsule(const CapsuleOptions& options)
      : options_(options), clusters_(options.clusters_max), records_(options.places_max) {}

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  struct Member {
    std::uint32_t chunk = 0;
    bool passed = false;  // a first occasion to ask for it, which is not taken
  };
  struct Cluster {
    std::vector<Member> members;
    std::uint64_t asked_at = 0;  // the number of an access; 0: never
  };
  struct Record {
    std::uint8_t tries = 0;
    bool useful = false;
  };

  static constexpr std::uint64_t kWidthMin = 256 << 10;  // bytes
  static constexpr std::size_t kWidths = 11;             // each twice the one before
  static constexpr std::uint64_t kCycle = 10'000;        // accesses
  static constexpr std::size_t kSample = 1'000;          // of them, at its beginning

  void take_sample(const Place& place);
  std::size_t best_width() const;
  Cluster* cluster_of(const Place& place, std::size_t width);
  void add(const Place& place);
  void ask(Cluster& cluster, const Place& place, std::vector<Candidate>& candidates);
  std::uint64_t neighbourhood(const Place& place, std::size_t width) const {
    return place.chunk * std::uint64_t{options_.chunk_bytes} / (kWidthMin << width);
  }
  std::uint64_t key_of(const Place& place, std::size_t width) const;

  const CapsuleOptions options_;
  RecencyTable<Cluster> clusters_;  // of every width that was ever the best
  RecencyTable<Record> records_;    // by place
  std::vector<Place> sample_;
  std::uint64_t accesses_ = 0;
  std::size_t width_ = kWidths;  // none is chosen yet
  std::size_t asked_ = 0;        // in these hundred accesses
};

}  // namespace augurfs
