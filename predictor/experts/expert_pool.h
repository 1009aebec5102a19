#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "predictor/expert.h"
#include "predictor/experts/place.h"
#include "predictor/experts/recency_table.h"

namespace augurfs {

// A policy made of others: what they all think, the likeliest when it is too much, and not again
// what was said a moment ago and has not been read since.
class ExpertPool : public Expert {
 public:
  static constexpr std::size_t kCandidatesMax = 48;  // for one event
  // Some round trips: by then it has come, or was refused, and who asks again means it.
  static constexpr std::chrono::milliseconds kSaidFor{250};

  explicit ExpertPool(std::vector<std::unique_ptr<Expert>> experts,
                      std::uint32_t chunk_bytes = 1 << 20);

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  struct Said {
    std::uint64_t event = 0;  // its number; 0: never
    std::chrono::steady_clock::time_point time;
  };

  void note_read(const Event& event);
  bool said(const Candidate& candidate, std::chrono::steady_clock::time_point now);

  const std::vector<std::unique_ptr<Expert>> experts_;
  const std::uint32_t chunk_bytes_;
  std::vector<Candidate> thoughts_;
  RecencyTable<Said> said_;
  RecencyTable<std::uint64_t> read_;  // chunks, and in which event
  std::uint64_t events_ = 0;
};

}  // namespace augurfs
