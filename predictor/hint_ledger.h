#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/prefetch_tally.h"
#include "predictor/expert.h"
#include "remote/guarded.h"

namespace augurfs {

std::string name_of(ExpertId expert);

// Whose prefetches earned what. Hands out an account for each expert, program and directory; the
// cache books on it what becomes of the bytes, and a report adds up.
//
// Bounded: there are kPrefetchAccountsMax accounts; when few are left, an expert's further hints
// are booked together as those of others. Thread rule: any thread.
class HintLedger {
 public:
  enum class By : std::uint8_t { kExpert, kProgram, kDirectory };
  struct Line {
    std::string name;
    PrefetchTally tally;
  };
  struct Account {
    ExpertId expert = ExpertId::kNone;
    std::string program;
    std::string directory;
  };

  HintLedger() = default;
  HintLedger(const HintLedger&) = delete;
  HintLedger& operator=(const HintLedger&) = delete;

  // The account for a hint; the same for the same names.
  std::uint32_t account(ExpertId expert, std::string_view program, std::string_view directory);
  // Nobody's when there is no such account.
  Account whose(std::uint32_t account) const;
  // Adds up `tallies`, by account, for each name; what was fetched most of comes first.
  std::vector<Line> report(By by, std::span<const PrefetchTally> tallies) const;

 private:
  struct State {
    std::vector<Account> accounts{Account{}};  // account 0 is nobody's
    std::unordered_map<std::string, std::uint32_t> numbers;
  };

  Guarded<State> state_;
};

}  // namespace augurfs
