#include "predictor/hint_ledger.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace augurfs {
namespace {

constexpr std::string_view kOthers = "(others)";
constexpr std::string_view kUnknown = "(unknown)";
// Kept for the others: one for each expert there can be.
constexpr std::size_t kReserved = 256;

constexpr std::array kNames = {
    std::pair{ExpertId::kNone, "none"},
    std::pair{ExpertId::kReadahead, "readahead"},
    std::pair{ExpertId::kNextBlock, "next-block"},
    std::pair{ExpertId::kLeap, "leap"},
    std::pair{ExpertId::kMarkov, "markov"},
    std::pair{ExpertId::kPpm, "ppm"},
    std::pair{ExpertId::kProbabilityGraph, "probability-graph"},
    std::pair{ExpertId::kMithril, "mithril"},
    std::pair{ExpertId::kDirectorySweep, "directory-sweep"},
    std::pair{ExpertId::kReadingList, "reading-list"},
    std::pair{ExpertId::kDirectoryShuffle, "directory-shuffle"},
    std::pair{ExpertId::kNameTemplates, "name-templates"},
    std::pair{ExpertId::kStartUpSet, "start-up-set"},
    std::pair{ExpertId::kCapsule, "capsule"},
};

}  // namespace

std::string name_of(ExpertId expert) {
  for (const auto& [known, name] : kNames) {
    if (known == expert) return name;
  }
  return "expert-" + std::to_string(static_cast<int>(expert));
}

std::uint32_t HintLedger::account(ExpertId expert, std::string_view program,
                                  std::string_view directory) {
  const auto key = [expert](std::string_view of, std::string_view in) {
    std::string text(1, static_cast<char>(expert));
    text.append(of).append(1, '\0').append(in);
    return text;
  };
  auto state = state_.lock();
  std::string wanted = key(program, directory);
  auto found = state->numbers.find(wanted);
  if (found == state->numbers.end() && state->accounts.size() + kReserved >= kPrefetchAccountsMax) {
    program = directory = kOthers;
    wanted = key(program, directory);
    found = state->numbers.find(wanted);
  }
  if (found != state->numbers.end()) return found->second;
  const auto number = static_cast<std::uint32_t>(state->accounts.size());
  state->accounts.push_back({expert, std::string(program), std::string(directory)});
  state->numbers.emplace(std::move(wanted), number);
  return number;
}

HintLedger::Account HintLedger::whose(std::uint32_t account) const {
  auto state = state_.lock();
  return account < state->accounts.size() ? state->accounts[account] : Account{};
}

std::vector<HintLedger::Line> HintLedger::report(By by,
                                                 std::span<const PrefetchTally> tallies) const {
  std::map<std::string, PrefetchTally> sums;
  {
    auto state = state_.lock();
    for (std::size_t i = 0; i < tallies.size(); ++i) {
      if (tallies[i].fetched_chunks == 0) continue;
      const Account nobody;
      const Account& account = i < state->accounts.size() ? state->accounts[i] : nobody;
      std::string name = by == By::kExpert    ? name_of(account.expert)
                         : by == By::kProgram ? account.program
                                              : account.directory;
      if (name.empty()) name = by == By::kDirectory ? "/" : kUnknown;
      sums[name] += tallies[i];
    }
  }
  std::vector<Line> lines;
  lines.reserve(sums.size());
  for (auto& [name, tally] : sums) lines.push_back({name, tally});
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.tally.fetched_bytes() > b.tally.fetched_bytes();
  });
  return lines;
}

}  // namespace augurfs
