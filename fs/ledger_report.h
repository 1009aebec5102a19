#pragma once

#include <span>
#include <string>

#include "predictor/hint_ledger.h"

namespace augurfs {

// The document that `augurfs prefetch report --json` prints; its names are a promise. The lines,
// and under "total" their sum.
std::string ledger_json(std::span<const HintLedger::Line> lines);

// The same document as a table. "" when it is no such document.
std::string ledger_text(const std::string& json);

}  // namespace augurfs
