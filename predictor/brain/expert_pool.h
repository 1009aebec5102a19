#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "predictor/expert.h"
#include "predictor/experts/recency_table.h"
#include "predictor/replay/policies.h"

namespace augurfs {

// A policy made of others: what they all think, the likeliest when it is too much, and not again
// what was said a moment ago.
class ExpertPool : public Expert {
 public:
  static constexpr std::size_t kCandidatesMax = 48;  // for one event
  // By then what was fetched has been read, or it was wrong.
  static constexpr std::chrono::seconds kSaidFor{1};

  explicit ExpertPool(std::vector<std::unique_ptr<Expert>> experts);

  void observe(const Event& event, const Catalog& catalog,
               std::vector<Candidate>& candidates) override;

 private:
  bool said(const Candidate& candidate, std::chrono::steady_clock::time_point now);

  const std::vector<std::unique_ptr<Expert>> experts_;
  std::vector<Candidate> thoughts_;
  RecencyTable<std::optional<std::chrono::steady_clock::time_point>> said_;
};

// What a brain thinks with: policies that `augurfs replay` knows by name.
std::unique_ptr<Expert> make_brain_policy(const PolicySetting& setting);

}  // namespace augurfs
